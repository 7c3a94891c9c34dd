//! What pages say.

use axum::http::{Method, Request};

use super::fake::{Fake, ODD};
use super::*;

async fn ask(router: &Router, method: &Method, path: &str, body: &str) -> Answer {
    if method == Method::GET { get(router, path).await } else { post(router, path, body).await }
}

#[tokio::test]
async fn every_page_answers_whatever_the_texts() {
    for fake in [Fake::calm, Fake::troubled, Fake::odd] {
        let router = everyone(fake());
        for (method, path, body) in &EVERY {
            let answer = ask(&router, method, path, body).await;
            let nothing_runs = path.ends_with("/cancel") && answer.status == StatusCode::NOT_FOUND;
            assert!(answer.status.is_success() || nothing_runs, "{method} {path}: {} {}", answer.status, answer.text);
        }
    }
}

#[tokio::test]
async fn every_page_is_in_the_document_and_nothing_else() {
    let document = get(&everyone(Fake::troubled()), "/api/v1/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut told: Vec<(String, String)> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        told.extend(methods.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
    }
    let general = |path: &str| {
        path.replace("_publish@20261026T113000Z", "{run}")
            .replace("arcos_transactions@20261027T030000Z", "{run}")
            .replace("_publish", "{job}")
            .replace("opioid-deaths-vs-dispensing-2015.svg", "{file}")
    };
    let mut served: Vec<(String, String)> =
        EVERY.iter().map(|(method, path, _)| (method.as_str().to_lowercase(), general(path))).collect();
    told.sort();
    served.sort();
    assert_eq!(told, served);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let router = everyone(Fake::troubled());
    let failed = get(&router, "/api/v1/runs?state=failed").await.json();
    assert_eq!(failed.as_array().unwrap().len(), 1);
    assert_eq!(failed[0]["job"], "cdc_vsrr_county");
    let page = get(&router, "/api/v1/runs?limit=3").await.json();
    let last = page[2]["id"].as_str().unwrap().to_owned();
    let next = get(&router, &format!("/api/v1/runs?limit=3&before={last}")).await.json();
    assert_eq!(next.as_array().unwrap().len(), 3);
    assert!(page.as_array().unwrap().iter().all(|run| !next.as_array().unwrap().contains(run)));
    assert_eq!(get(&router, "/api/v1/snapshots?before=5").await.json().as_array().unwrap().len(), 4);
    assert_eq!(get(&router, "/api/v1/alarms").await.json().as_array().unwrap().len(), 3);
    assert_eq!(get(&router, "/api/v1/alarms?cleared=true").await.json().as_array().unwrap().len(), 4);
    assert_eq!(get(&router, "/api/v1/jobs/_publish/due?limit=2").await.json().as_array().unwrap().len(), 2);
    assert_eq!(get(&router, "/api/v1/runs").await.json().as_array().unwrap().len(), 50);
}

#[tokio::test]
async fn bad_queries_are_refused() {
    let router = everyone(Fake::troubled());
    for query in ["limit=0", "limit=501", "limit=-1", "limit=x", "limit=", "state=lost", "limit=1&limit=2", "sort=up"] {
        get(&router, &format!("/api/v1/runs?{query}")).await.problem(400);
    }
    for path in ["/api/v1/snapshots?before=x", "/api/v1/alarms?cleared=1", "/api/v1/jobs/_gc/due?before=1"] {
        get(&router, path).await.problem(400);
    }
    get(&router, "/api/v1/jobs/%ff").await.problem(400);
    assert!(get(&router, "/api/v1/runs?limit=501").await.problem(400).contains("between 1 and 500"));
}

#[tokio::test]
async fn what_there_is_not_is_said() {
    let router = everyone(Fake::troubled());
    assert_eq!(get(&router, "/api/v1/jobs/nobody").await.problem(404), "there is no job `nobody`");
    for path in ["/api/v1/", "/api/v1/jobs/", "/favicon.ico", "/api/v2/status", "/figures/", "/api/v1/runs/x"] {
        get(&router, path).await.problem(404);
    }
    for file in [
        "..%2f..%2fetc%2fpasswd.svg",
        "state.sqlite",
        ".svg",
        "portland.svgz",
        "a%00.png",
        "nobody.svg",
        "a.receipt.json",
    ] {
        get(&router, &format!("/figures/{file}")).await.problem(404);
    }
    let answer = post(&router, "/api/v1/status", "{}").await;
    answer.problem(405);
    assert_eq!(answer.header("allow"), "GET,HEAD");
    post(&router, "/healthz", "").await.problem(405);
    let delete = Request::delete("/api/v1/jobs/_gc").body(Body::empty()).unwrap();
    send(&router, delete).await.problem(405);
}

#[tokio::test]
async fn orders_are_carried_out_or_refused_with_a_reason() {
    let router = everyone(Fake::troubled());
    let answer = post(&router, "/api/v1/jobs/_gc/run", "").await;
    assert_eq!((answer.status.as_u16(), &answer.json()["state"]), (202, &Value::from("queued")));
    assert!(post(&router, "/api/v1/jobs/fbi_agencies/run", "").await.problem(409).contains("is queued already"));
    assert!(!post(&router, "/api/v1/jobs/_gc/pause", r#"{"why":"x"}"#).await.json()["paused"].is_null());
    assert!(post(&router, "/api/v1/jobs/_gc/resume", "{}").await.json()["paused"].is_null());
    let runs = post(&router, "/api/v1/jobs/_gc/backfill", r#"{"from":2006,"to":2008}"#).await.json();
    assert_eq!(runs.as_array().unwrap().len(), 3);
    post(&router, "/api/v1/runs/_gc@20261026T113000Z/cancel", "{}").await.problem(409);
    let reloaded = post(&router, "/api/v1/reload", "").await;
    assert_eq!((reloaded.status.as_u16(), reloaded.text.as_str()), (204, ""));
}

#[tokio::test]
async fn bad_bodies_are_refused() {
    let router = everyone(Fake::troubled());
    let path = "/api/v1/jobs/_gc/pause";
    for body in ["{", "nothing", "{}{}", "\u{feff}{}"] {
        post(&router, path, body).await.problem(400);
    }
    for body in [r#"["why"]"#, "null", r#"{"because":"x"}"#, r#"{"why":1}"#, r#"{"why":""}"#, r#"{"why":"a\nb"}"#] {
        post(&router, path, body).await.problem(422);
    }
    post(&router, path, &format!(r#"{{"why":"{}"}}"#, "x".repeat(501))).await.problem(422);
    assert!(post(&router, path, &format!(r#"{{"why":"{}"}}"#, "ä".repeat(500))).await.status.is_success());
    post(&router, "/api/v1/jobs/_gc/run", r#"{"now":true}"#).await.problem(422);
    for body in ["", r#"{"from":2012,"to":2006}"#, r#"{"from":1,"to":2}"#, r#"{"from":2006,"to":99999}"#] {
        post(&router, "/api/v1/jobs/_gc/backfill", body).await.problem(422);
    }
}

#[tokio::test]
async fn readiness_comes_with_reasons() {
    let ready = get(&everyone(Fake::calm()), "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["ready"]), (200, &Value::from(true)));
    let unready = get(&everyone(Fake { ready: false, ..Fake::calm() }), "/readyz").await;
    assert_eq!(unready.problem(503), "not ready: 12 GB are left");
    assert_eq!(unready.json()["checks"][1]["ok"], false);
    assert_eq!(get(&everyone(Fake::calm()), "/healthz").await.text, "ok\n");
    let stuck = get(&everyone(Fake { ready: false, ..Fake::calm() }), "/healthz").await;
    assert_eq!((stuck.status.as_u16(), stuck.text.as_str()), (503, "the scheduler is stuck: see the daemon's log\n"));
}

/// The elements of a page, by their opening tags, as a browser would find them.
fn tags(page: &str) -> Vec<&str> {
    page.match_indices('<').map(|(at, _)| page[at + 1..].split(['>', ' ']).next().unwrap()).collect()
}

#[tokio::test]
async fn no_text_becomes_an_element_of_the_page() {
    let page = get(&everyone(Fake::odd()), "/").await.text;
    let known = "!DOCTYPE html head meta title style body header p h1 strong time main section h2 article h3 span pre code \
                 div table caption thead tr th tbody td a br dl dt dd figure picture source img figcaption footer wbr";
    let known: Vec<&str> = known.split_whitespace().collect();
    for tag in tags(&page) {
        assert!(known.contains(&tag.trim_start_matches('/')), "<{tag}>");
    }
    assert!(page.contains("&lt;script&gt;alert('job')&lt;/script&gt;"));
    assert!(!page.contains("\" onmouseover"));
    for attribute in page.split("href=\"").skip(1).chain(page.split("src=\"").skip(1)) {
        let target = attribute.split('"').next().unwrap();
        assert!(target.starts_with('/') && !target.starts_with("//"), "{target}");
        assert!(!ODD.iter().any(|odd| target.contains(odd)), "{target}");
    }
}

#[tokio::test]
async fn the_page_says_what_is_wrong_first() {
    let page = get(&everyone(Fake::troubled()), "/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let text = &page.text;
    let order = [
        "3 alarms</h1>",
        "tollhouse runs --state failed",
        ">Jobs</h2>",
        ">dea_<wbr>retail_<wbr>state_<wbr>quarter</a>",
        ">geo_<wbr>counties</a>",
    ];
    let places: Vec<usize> = order.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("{part}"))).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert!(text.contains("http-equiv=\"refresh\" content=\"60\""));
    assert!(text.contains("datetime=\"2026-10-27T02:12:45Z\" title=\"2026-10-27 02:12:45 UTC\">1 h ago</time>"));
    assert!(get(&everyone(Fake::calm()), "/").await.text.contains("All is well</h1>"));
}

#[tokio::test]
async fn figures_come_as_what_they_are() {
    let router = everyone(Fake::calm());
    let svg = get(&router, "/figures/opioid-deaths-vs-dispensing-2015.svg").await;
    assert_eq!(svg.header("content-type"), "image/svg+xml");
    assert!(svg.header("content-security-policy").contains("sandbox"));
    let png = get(&router, "/figures/opioid-deaths-vs-dispensing-2015.png").await;
    assert_eq!(png.header("content-type"), "image/png");
    let phone = get(&router, "/figures/opioid-deaths-vs-dispensing-2015.phone.svg").await;
    assert_eq!(phone.header("content-type"), "image/svg+xml");
    let csv = get(&router, "/figures/opioid-deaths-vs-dispensing-2015.csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let parquet = get(&router, "/figures/opioid-deaths-vs-dispensing-2015.parquet").await;
    assert_eq!(parquet.header("content-type"), "application/vnd.apache.parquet");
    assert_eq!(get(&router, "/api/v1/status").await.header("cache-control"), "no-store");
}

#[tokio::test]
async fn metrics_have_the_names_types_and_labels_that_are_promised() {
    let metrics = get(&everyone(Fake::odd()), "/metrics").await;
    assert_eq!(metrics.header("content-type"), "text/plain; version=0.0.4");
    let text = &metrics.text;
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE tollhouse_")).collect();
    assert_eq!(
        names,
        [
            "alarm gauge",
            "breaker_open gauge",
            "budget_requests_limit gauge",
            "budget_requests_used gauge",
            "build_info gauge",
            "data_newest_timestamp_seconds gauge",
            "data_promise_seconds gauge",
            "disk_free_bytes gauge",
            "disk_used_bytes gauge",
            "fetched_bytes_total counter",
            "holder_info gauge",
            "job_next_due_timestamp_seconds gauge",
            "job_paused gauge",
            "requests_total counter",
            "rows gauge",
            "run_last_duration_seconds gauge",
            "run_last_success_timestamp_seconds gauge",
            "run_open gauge",
            "run_seconds_total counter",
            "runs_total counter",
            "scheduler_last_tick_timestamp_seconds gauge",
            "snapshot_newest gauge",
            "snapshot_verified gauge",
        ]
    );
    for line in [
        r#"tollhouse_runs_total{state="failed",task="cdc_vsrr_state"} 12"#,
        r#"tollhouse_run_seconds_total{state="failed",task="cdc_vsrr_state"} 345.625"#,
        r#"tollhouse_rows{dataset="arcos_transactions",what="kept"} 178598026"#,
        r#"tollhouse_job_paused{task="line one\nline two	tabbed \\ back"} 1"#,
        r#"tollhouse_alarm{name="stale",subject="dea_retail_state_quarter"} 1"#,
        r#"tollhouse_snapshot_newest 41"#,
        r#"tollhouse_fetched_bytes_total{task="geo_places"} 5000000000000"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}");
    }
}
