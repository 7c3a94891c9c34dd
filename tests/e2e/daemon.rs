//! The daemon as an operator has it: schedules of seconds against the replica, kills, two at once, reloads, damage, secrets.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use replica::Weather;
use serde_json::Value;

use super::*;

/// Longer than anything that is waited for takes, on the slowest of machines.
const PATIENCE: Duration = Duration::from_secs(300);

/// Waits until it holds.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test that waits for ever tells nothing")]
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

struct Daemon {
    child: Child,
    log: PathBuf,
}

/// A folder with a root, a configuration and a log.
struct House {
    folder: tempfile::TempDir,
    replica: Replica,
    begun: std::cell::Cell<u32>,
}

impl House {
    fn new(config: &str, options: Options) -> Self {
        let house = Self {
            folder: tempfile::tempdir().unwrap(),
            replica: Replica::start_blocking(options).unwrap(),
            begun: std::cell::Cell::new(0),
        };
        house.configure(config);
        house
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn configure(&self, config: &str) {
        std::fs::write(self.folder.path().join("tollhouse.toml"), config).unwrap();
    }

    /// A command of a person's, with the daemon's configuration.
    fn words(&self, words: &[&str]) -> Output {
        let config = self.folder.path().join("tollhouse.toml");
        command(&self.root(), words).arg("--config").arg(config).output().unwrap()
    }

    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let output = self.words(&[&["--json"], words].concat());
        assert!(output.status.success(), "{words:?}\n{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn daemon(&self) -> Daemon {
        self.daemon_with(&[])
    }

    fn daemon_with(&self, environment: &[(&str, &str)]) -> Daemon {
        self.begin(&[&format!("--replica={}", self.replica.base())], environment)
    }

    fn begin(&self, words: &[&str], environment: &[(&str, &str)]) -> Daemon {
        self.begun.set(self.begun.get() + 1);
        let log = self.folder.path().join(format!("daemon-{}.log", self.begun.get()));
        let socket = self.folder.path().join(format!("{}.sock", self.begun.get()));
        let listen = format!("unix:{}", socket.display());
        let child = command(&self.root(), &["--log-format", "json", "daemon", "--listen", &listen])
            .args(words)
            .arg("--config")
            .arg(self.folder.path().join("tollhouse.toml"))
            .envs(environment.iter().copied())
            .env("TOLLHOUSE_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut daemon = Daemon { child, log };
        until("the daemon is at work", || {
            let ended = daemon.child.try_wait().unwrap();
            assert!(ended.is_none(), "it ended: {ended:?}\n{}", std::fs::read_to_string(&daemon.log).unwrap());
            daemon.told("the daemon is at work")
        });
        daemon
    }

    /// What the newest daemon answers at its socket, head and all.
    fn get(&self, path: &str) -> String {
        use std::io::{Read as _, Write as _};
        let socket = self.folder.path().join(format!("{}.sock", self.begun.get()));
        let mut stream = std::os::unix::net::UnixStream::connect(socket).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// All runs, newest first.
    fn runs(&self) -> Vec<Value> {
        self.json(&["runs", "--limit", "100000"]).as_array().unwrap().clone()
    }

    /// How many processes work on runs of this root.
    fn workers(&self) -> usize {
        let root = self.root().display().to_string();
        let all = std::fs::read_dir("/proc").unwrap().flatten();
        let words = all.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        let words = words.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        words.filter(|words| words.contains(&root) && words.contains("\0work\0")).count()
    }

    fn ended(&self, job: &str) -> usize {
        let over = |run: &&Value| run["job"] == job && matches!(run["state"].as_str(), Some("succeeded" | "unchanged"));
        self.runs().iter().filter(over).count()
    }
}

impl Daemon {
    fn told(&self, words: &str) -> bool {
        std::fs::read_to_string(&self.log).unwrap().contains(words)
    }

    fn signal(&self, name: &str) {
        let sent = std::process::Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Asks it to end, and waits until it has.
    fn end(mut self) {
        self.signal("-TERM");
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}\n{}", std::fs::read_to_string(&self.log).unwrap());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _waited = self.child.wait();
    }
}

/// Every few seconds, so that a test sees many.
const SECONDS: &str = "
[daemon]
drain_seconds = 20
retry_first = \"1s\"
breaker_pause = \"2s\"
[schedules]
fbi_city_offenses = { cron = \"*/3 * * * * *\" }
cdc_opioid_deaths_us = { cron = \"*/2 * * * * *\", overlap = \"queue\" }
fbi_estimated_offenses_state = { cron = \"1/4 * * * * *\" }
";

/// What must hold whatever happened: no two attempts of a job at once, every run decided for is there, and each due time once.
#[track_caller]
fn check_ledger(house: &House) {
    let runs = house.runs();
    let ids: BTreeSet<&str> = runs.iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), runs.len());
    let mut going: BTreeMap<String, Vec<(jiff::Timestamp, jiff::Timestamp, String)>> = BTreeMap::new();
    for run in &runs {
        let id = run["id"].as_str().unwrap();
        let whole = house.json(&["runs", id]);
        for attempt in whole["attempts_made"].as_array().unwrap() {
            let begun = attempt["started"].as_str().unwrap().parse().unwrap();
            let ended = attempt["ended"].as_str().map_or(jiff::Timestamp::MAX, |ended| ended.parse().unwrap());
            going.entry(run["job"].as_str().unwrap().to_owned()).or_default().push((begun, ended, id.to_owned()));
        }
    }
    for attempts in going.values_mut() {
        attempts.sort();
        for pair in attempts.windows(2) {
            assert!(pair[0].1 <= pair[1].0, "two attempts of one job at once: {pair:?}");
        }
    }
    let sql =
        "select count(*) || ' ' || count(distinct (job, due)) from meta.due where decision <> 'run' or run is not null";
    let counted = house.words(&["sql", "--format", "csv", sql]);
    let counted = String::from_utf8(counted.stdout).unwrap();
    let (all, distinct) = counted.lines().nth(1).unwrap().split_once(' ').unwrap();
    assert_eq!(all, distinct);
}

#[test]
fn what_is_due_runs_a_person_may_too_and_a_drained_daemon_leaves_nothing_behind() {
    let house = House::new(SECONDS, Options::default());
    let daemon = house.daemon();
    until("each job ran twice", || {
        ["fbi_city_offenses", "cdc_opioid_deaths_us", "fbi_estimated_offenses_state"]
            .iter()
            .all(|job| house.ended(job) >= 2)
    });
    until("figures were drawn and claims judged", || house.ended("_publish") >= 1);
    assert!(house.root().join("figures/portland-homicides.svg").is_file());
    // Every page that reads answers, also about what has run.
    for (path, words) in [
        ("/healthz", ""),
        ("/readyz", "scheduler"),
        ("/metrics", "tollhouse_runs_total"),
        ("/", "fbi_city_offenses"),
        ("/api/v1/status", "holder"),
        ("/api/v1/jobs", "cdc_opioid_deaths_us"),
        ("/api/v1/jobs/fbi_city_offenses/due", "decision"),
        ("/api/v1/runs?state=succeeded&limit=5", "snapshot"),
        ("/api/v1/snapshots", "created"),
        ("/api/v1/freshness", "newest"),
        ("/api/v1/alarms", ""),
        ("/api/v1/breakers", ""),
        ("/api/v1/verdicts", ""),
        ("/figures/portland-homicides.svg", "<svg"),
    ] {
        let answer = house.get(path);
        let head = answer.lines().next().unwrap_or_default();
        assert!(head.contains(" 200 ") && answer.contains(words), "{path}: {answer}");
    }
    // A pause holds what comes due, and says so.
    assert!(house.words(&["pause", "fbi_city_offenses", "--why", "maintenance"]).status.success());
    until("a due time was passed over", || {
        let sql = "select count(*) from meta.due where job = 'fbi_city_offenses' and decision = 'paused'";
        let told = house.words(&["sql", "--format", "csv", sql]);
        String::from_utf8_lossy(&told.stdout).lines().nth(1).is_some_and(|count| count != "0")
    });
    let status = house.json(&["status", "fbi_city_offenses"]);
    assert_eq!(status["jobs"][0]["paused_why"], "maintenance");
    // A person's own run waits for nobody, and stands in the same ledger.
    let replica = format!("--replica={}", house.replica.base());
    assert!(house.words(&["run", &replica, "fbi_city_offenses"]).status.success());
    assert!(house.runs().iter().any(|run| run["trigger"] == "manual" && run["job"] == "fbi_city_offenses"));
    assert!(house.words(&["resume", "fbi_city_offenses"]).status.success());
    let before = house.ended("fbi_city_offenses");
    until("it goes on", || house.ended("fbi_city_offenses") > before);
    // A run's steps are told: what was fetched, checked, committed.
    let first = house.runs().into_iter().rfind(|run| run["snapshot"].is_u64() && run["job"] != "_publish").unwrap();
    let told = house.json(&["runs", first["id"].as_str().unwrap()]);
    let stages: BTreeSet<&str> =
        told["steps"].as_array().unwrap().iter().map(|step| step["stage"].as_str().unwrap()).collect();
    assert_eq!(stages, BTreeSet::from(["commit", "fetch", "gate", "stage"]), "{told}");
    daemon.end();
    let open: Vec<_> = house.runs().into_iter().filter(|run| run["state"] == "running").collect();
    assert!(open.is_empty(), "{open:?}");
    check_ledger(&house);
    assert!(house.words(&["snapshot", "verify"]).status.success());
}

/// A fifth of the replies is spoilt, and the daemon is killed again and again. TOLLHOUSE_SOAK_SECONDS says for how long
/// (40 without); twenty minutes are the long one.
#[test]
#[expect(clippy::disallowed_methods, reason = "how long it is to last is what is asked")]
fn killed_again_and_again_in_bad_weather_no_run_is_lost_or_doubled() {
    let seconds: u64 = std::env::var("TOLLHOUSE_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let what = vec![
        What::Status { code: 503, headers: Default::default(), body: String::new() },
        What::DropConnection,
        What::CutBody { after: 500 },
        What::HtmlPage,
    ];
    let options = Options { weather: Some(Weather { every: 5, what }), ..Options::default() };
    let house = House::new(SECONDS, options);
    let begun = Instant::now();
    // Twenty kills in a long one, four in a short one.
    let between = Duration::from_secs((seconds / 20).max(10));
    let mut kills = 0;
    while begun.elapsed() < Duration::from_secs(seconds) {
        let daemon = house.daemon();
        std::thread::sleep(between);
        daemon.kill();
        kills += 1;
        until("its processes ended with it", || house.workers() == 0);
    }
    // Those that died are taken up again.
    let daemon = house.daemon();
    let dead: Vec<String> = house
        .runs()
        .iter()
        .filter(|run| run["state"] == "running")
        .map(|run| run["id"].as_str().unwrap().to_owned())
        .collect();
    until("what died was taken up", || {
        dead.iter().all(|id| house.json(&["runs", id])["attempts_made"].as_array().unwrap()[0]["ended"].is_string())
    });
    until("runs end well again", || house.ended("fbi_city_offenses") > 0 && house.ended("cdc_opioid_deaths_us") > 0);
    daemon.end();
    check_ledger(&house);
    let told = house.words(&["snapshot", "verify"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    let runs = house.runs();
    let by_state = |state: &str| runs.iter().filter(|run| run["state"] == state).count();
    println!(
        "{seconds} s, {kills} kills, {} requests: {} runs, {} succeeded, {} unchanged, {} failed, {} queued",
        house.replica.requests().len(),
        runs.len(),
        by_state("succeeded"),
        by_state("unchanged"),
        by_state("failed"),
        by_state("queued"),
    );
    assert_eq!(by_state("running"), 0);
}

#[test]
fn of_two_daemons_one_runs_each_job_and_the_other_takes_over() {
    let house = House::new(SECONDS, Options::default());
    let (one, two) = (house.daemon(), house.daemon());
    until("both ran something", || {
        let runs = house.runs();
        let holders: BTreeSet<String> = runs
            .iter()
            .flat_map(|run| {
                house.json(&["runs", run["id"].as_str().unwrap()])["attempts_made"].as_array().unwrap().clone()
            })
            .map(|attempt| attempt["holder"].as_str().unwrap().to_owned())
            .collect();
        holders.len() >= 2 || runs.len() > 60
    });
    one.kill();
    let before = house.ended("fbi_city_offenses");
    until("the other goes on", || house.ended("fbi_city_offenses") >= before + 3);
    two.end();
    check_ledger(&house);
}

#[test]
fn a_bad_edit_leaves_the_old_set_and_a_damaged_state_is_made_again() {
    let house = House::new(SECONDS, Options::default());
    let daemon = house.daemon();
    until("a run ended", || house.ended("fbi_city_offenses") >= 1);
    house.configure("[daemon]\nslots = \"many\"");
    daemon.signal("-HUP");
    until("the bad set was refused", || daemon.told("the old pipelines and configuration stay"));
    let before = house.ended("fbi_city_offenses");
    house.configure(SECONDS);
    until("the old set goes on", || house.ended("fbi_city_offenses") > before);
    let status = house.json(&["status"]);
    assert!(status["alarms"].as_array().unwrap().iter().any(|alarm| alarm["name"] == "reload-failed"), "{status}");
    daemon.signal("-HUP");
    until("the good set was taken", || daemon.told("pipelines and configuration were read again"));
    until("the alarm is over", || {
        let status = house.json(&["status"]);
        status["alarms"].as_array().unwrap().iter().all(|alarm| alarm["name"] != "reload-failed")
    });
    daemon.kill();

    let state = house.root().join("state.sqlite");
    for beside in ["state.sqlite-wal", "state.sqlite-shm"] {
        let _none = std::fs::remove_file(house.root().join(beside));
    }
    std::fs::write(&state, "no database at all, and long enough to be taken for one ".repeat(200)).unwrap();
    let daemon = house.daemon();
    until("the state was made again", || {
        house.json(&["status"])["alarms"].as_array().unwrap().iter().any(|alarm| alarm["name"] == "state-rebuilt")
    });
    assert!(house.runs().iter().any(|run| run["trigger"] == "rebuilt"));
    until("runs go on", || house.ended("fbi_city_offenses") >= 2);
    daemon.end();
}

#[test]
fn systemd_hears_of_readiness_progress_and_the_end() {
    let house = House::new(SECONDS, Options::default());
    let path = house.folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).unwrap();
            if String::from_utf8_lossy(&buffer[..length]).contains(wanted) {
                break;
            }
        }
    };
    let path = path.to_str().unwrap();
    let daemon = house.daemon_with(&[("NOTIFY_SOCKET", path), ("WATCHDOG_USEC", "5000000")]);
    heard("READY=1");
    for _ in 0..3 {
        heard("WATCHDOG=1");
    }
    daemon.signal("-HUP");
    heard("RELOADING=1");
    heard("READY=1");
    // A daemon that does not look says nothing: the watchdog is tied to the scheduler.
    daemon.signal("-STOP");
    let mut buffer = [0; 4096];
    socket.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    while socket.recv(&mut buffer).is_ok() {}
    daemon.signal("-CONT");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    // And goes on looking, and not only once: what rings it has slept as well.
    for _ in 0..10 {
        heard("WATCHDOG=1");
    }
    daemon.signal("-TERM");
    heard("STOPPING=1");
    daemon.end();
}

/// A server of the test's own, which hears whatever is said to it.
struct Ear {
    base: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    _runtime: tokio::runtime::Runtime,
}

#[derive(Debug, Clone)]
struct Heard {
    path: String,
    headers: String,
    body: String,
}

impl Ear {
    /// One that answers everything with this status, and says back all that it was told.
    fn new(status: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let keep = Arc::clone(&heard);
        let answer = move |request: axum::extract::Request| async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
            let one = Heard {
                path: head.uri.path().to_owned(),
                headers: format!("{:?}", head.headers),
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            let said = format!("refused: {} {} {}", head.uri, one.headers, one.body);
            keep.lock().unwrap().push(one);
            (axum::http::StatusCode::from_u16(status).unwrap(), said)
        };
        runtime.spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
        Self { base, heard, _runtime: runtime }
    }

    fn heard(&self, path: &str) -> Vec<Heard> {
        self.heard.lock().unwrap().iter().filter(|one| one.path.starts_with(path)).cloned().collect()
    }

    fn told(&self, path: &str) -> Vec<Value> {
        self.heard(path).iter().map(|one| serde_json::from_str(&one.body).unwrap()).collect()
    }
}

#[test]
fn others_hear_of_alarms_of_runs_and_that_the_daemon_lives() {
    let ear = Ear::new(200);
    let more = format!(
        "deadman_seconds = 1\nopenlineage_url = \"{0}/lineage\"\notlp_url = \"{0}/v1/traces\"\n[schedules]",
        ear.base
    );
    let config = SECONDS.replace("[schedules]", &more);
    let house = House::new(&config, Options::default());
    let (hook, alive) = (format!("{}/hook", ear.base), format!("{}/alive", ear.base));
    let daemon = house.daemon_with(&[
        ("TOLLHOUSE_WEBHOOK_URL", &hook),
        ("TOLLHOUSE_DEADMAN_URL", &alive),
        ("TOLLHOUSE_OTLP_AUTHORIZATION", "Bearer of-the-collector"),
    ]);
    until("a run was told of", || {
        ear.told("/lineage")
            .iter()
            .any(|event| event["eventType"] == "COMPLETE" && event["outputs"] != Value::Array(vec![]))
    });
    let events = ear.told("/lineage");
    let complete = events.iter().find(|event| event["eventType"] == "COMPLETE").unwrap();
    let begun = |event: &&Value| event["eventType"] == "START" && event["run"]["runId"] == complete["run"]["runId"];
    assert!(events.iter().any(|event| begun(&event)), "{events:?}");
    let outputs = events.iter().flat_map(|event| event["outputs"].as_array().unwrap());
    for output in outputs {
        assert!(output["facets"]["version"]["datasetVersion"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    }
    until("a trace came", || !ear.heard("/v1/traces").is_empty());
    assert!(ear.heard("/v1/traces").iter().all(|one| one.headers.contains("Bearer of-the-collector")));
    let spans = ear.told("/v1/traces")[0]["resourceSpans"][0]["scopeSpans"][0]["spans"].clone();
    let (whole, parts) = spans.as_array().unwrap().split_first().unwrap();
    assert!(parts.iter().all(|span| span["parentSpanId"] == whole["spanId"] && span["traceId"] == whole["traceId"]));
    until("it said that it lives, again and again", || ear.heard("/alive").len() >= 3);

    house.configure("[daemon]\nslots = \"many\"");
    daemon.signal("-HUP");
    let hooked = |state: &str| {
        ear.told("/hook").into_iter().find(|told| told["alarm"] == "reload-failed" && told["state"] == state)
    };
    until("an alarm was told", || hooked("raised").is_some());
    assert_eq!(hooked("raised").unwrap()["next"], "tollhouse daemon --check");
    house.configure(&config);
    daemon.signal("-HUP");
    until("its end was told", || hooked("cleared").is_some());
    daemon.end();
}

/// Publishers, the webhook and the collectors refuse everything, and repeat in their answers what they were told.
#[test]
fn a_canary_in_every_key_is_found_nowhere_though_publishers_repeat_it() {
    let ear = Ear::new(403);
    let canary = "c4n4ry-9f31-secret";
    let (hook, alive) = (format!("{}/hook/{canary}", ear.base), format!("{}/alive/{canary}", ear.base));
    let config = format!(
        "accept_terms = [\"nchs\"]
[hosts]
\"data.cdc.gov\" = \"{0}/cdc\"
\"api.usa.gov\" = \"{0}/usa\"
[daemon]
deadman_seconds = 1
otlp_url = \"{0}/v1/traces\"
openlineage_url = \"{0}/lineage\"
[schedules]
cdc_vsrr_state = {{ cron = \"*/2 * * * * *\" }}
fbi_agencies = {{ cron = \"*/2 * * * * *\" }}
",
        ear.base
    );
    let house = House::new(&config, Options::default());
    let daemon = house.begin(
        &[],
        &[
            // Nobody but this test is asked, whatever else comes due.
            ("HTTPS_PROXY", "http://127.0.0.1:9"),
            ("TOLLHOUSE_SOCRATA_APP_TOKEN", canary),
            ("TOLLHOUSE_FBI_API_KEY", canary),
            ("TOLLHOUSE_WEBHOOK_URL", &hook),
            ("TOLLHOUSE_DEADMAN_URL", &alive),
            ("TOLLHOUSE_OTLP_AUTHORIZATION", canary),
        ],
    );
    until("both publishers refused", || {
        ["cdc_vsrr_state", "fbi_agencies"].iter().all(|job| {
            house.runs().iter().any(|run| run["job"] == *job && run["state"] == "failed" && run["kind"] == "refused")
        })
    });
    until("the webhook failed", || daemon.told("an alarm could not be told"));
    until("the collector failed", || daemon.told("an event was not told"));
    for (path, header) in [("/cdc", "x-app-token"), ("/usa", "x-api-key"), ("/v1/traces", "authorization")] {
        let heard = ear.heard(path);
        assert!(heard.iter().any(|one| one.headers.contains(&format!("{header:?}: {canary:?}"))), "{path}: {heard:?}");
    }
    let mut shown = String::new();
    for path in [
        "/",
        "/metrics",
        "/readyz",
        "/api/v1/status",
        "/api/v1/jobs",
        "/api/v1/runs",
        "/api/v1/alarms",
        "/api/v1/breakers",
    ] {
        shown += &house.get(path);
    }
    for words in [&["status"][..], &["runs"], &["sql", "from meta.runs"]] {
        let output = house.words(words);
        shown += &format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    }
    assert!(shown.contains("refused") && !shown.contains(canary), "{shown}");
    daemon.end();
    for (path, bytes) in files(house.folder.path()) {
        let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
        assert!(!found, "{} has the canary", path.display());
    }
}

#[test]
fn a_person_may_leave_a_run_to_the_daemon() {
    let house = House::new("[schedules]\nfbi_city_offenses = { cron = \"0 0 0 1 1 *\" }", Options::default());
    let daemon = house.daemon();
    let unknown = house.words(&["run", "--queue", "fbi_city_offenses", "no_such_job"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert_eq!(house.runs().len(), 0, "nothing is queued where one of them is none");
    let queued = house.json(&["run", "--queue", "fbi_city_offenses"]);
    let id = queued[0]["id"].as_str().unwrap();
    until("the daemon ran it", || house.json(&["runs", id])["state"] == "succeeded");
    until("figures and verdicts follow", || house.ended("_publish") >= 1);
    daemon.end();
    // Without a daemon it waits, and waits once.
    let first = house.json(&["run", "--queue", "fbi_city_offenses"]);
    assert_eq!(first[0]["state"], "queued");
    assert_eq!(house.json(&["run", "--queue", "fbi_city_offenses"])[0]["id"], first[0]["id"]);
}
