//! The FBI's bulk files: an address that hands out signed links, and the store to which they lead.
//!
//! The signatures are made up; the store looks only whether there is one. Absent: clocks, so no link expires by itself
//! (`fault` has it do so).

use super::{File, Format, Page, Wanted, file};
use crate::Result;
use crate::print::masters;
use serde_json::{Map, json};

/// Where links are handed out.
pub const LINKS: (&str, &str) = ("cde.ucr.cjis.gov", "/LATEST/s3/signedurl");
/// Where they lead.
pub const STORE: &str = "cde-prd-data.s3.us-gov-east-1.amazonaws.com";

const ZIP: &str = "application/zip";
/// 2026-09-15, the day of the publisher's last refresh that is known.
const REFRESHED: u64 = 1_789_430_400;

static FILES: [File; 3] = [
    file((STORE, "/master_files/reta/reta-2016.zip"), Format::Other, ZIP, REFRESHED, || masters::return_a("2016")),
    file((STORE, "/master_files/reta/reta-2018.zip"), Format::Other, ZIP, REFRESHED, || masters::return_a("2018")),
    file((STORE, "/master_files/shr/shr-2015.zip"), Format::Other, ZIP, REFRESHED, || masters::homicides("2015")),
];

/// The answer of these two hosts, if it is one of them.
pub fn find(wanted: &Wanted<'_>) -> Option<Result<Page>> {
    let field = |name: &str| wanted.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    if (wanted.host, wanted.path) == LINKS {
        return Some(Ok(link(field("key"))));
    }
    if wanted.host != STORE {
        return None;
    }
    let signed = !field("X-Amz-Signature").is_empty();
    Some(match FILES.iter().find(|file| file.path == wanted.path).filter(|_| signed) {
        Some(file) => file.page(),
        None => Ok(denied("Access Denied")),
    })
}

/// A link to the file of a key; nothing for one that is not known.
fn link(key: &str) -> Page {
    let mut answer = Map::new();
    if FILES.iter().any(|file| file.path.strip_prefix('/') == Some(key)) {
        let link = format!(
            "https://{STORE}/{key}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={CREDENTIAL}%2F20261124%2Fus-gov-east-1%2Fs3%2Faws4_request&X-Amz-Date=20261124T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host&X-Amz-Signature={SIGNATURE}&x-id=GetObject"
        );
        answer.insert(key.to_owned(), json!(link));
    }
    Page::plain(200, "application/json; charset=utf-8", json!(answer).to_string())
}

/// Made up; tests look for them where they must not be.
const CREDENTIAL: &str = "REPLICA0CREDENTIAL00";
const SIGNATURE: &str = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2";

/// How the store says no.
pub fn denied(message: &str) -> Page {
    Page::plain(
        403,
        "application/xml",
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>{message}</Message><RequestId>0000000000000000</RequestId></Error>"
        ),
    )
}
