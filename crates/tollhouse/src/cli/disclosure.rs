//! `disclosure`: how many withheld cells follow from the published tables by adding and subtracting.

use std::process::ExitCode;

use clap::Args;
use model::Result;
use query::disclosure::audit;

use super::{At, Context};
use crate::output::{grouped, print_json, say, table};

#[derive(Args)]
pub struct Disclosure {
    #[command(flatten)]
    at: At,
}

impl Disclosure {
    pub fn run(self, context: &Context) -> Result<ExitCode> {
        let session = context.session(self.at.at.as_deref())?;
        let audit = audit(&session)?;
        if context.json() {
            print_json(&audit)?;
            return Ok(ExitCode::SUCCESS);
        }
        let count = |number: usize| grouped(u64::try_from(number).unwrap_or(u64::MAX));
        // Relations without a withheld cell endanger nothing; `--json` has them too.
        let rows = audit.findings.iter().filter(|finding| finding.withheld > 0).map(|finding| {
            let [one, two] = &finding.tables;
            let tables = if one == two { one.to_string() } else { format!("{one} and {two}") };
            vec![
                finding.relation.clone(),
                tables,
                finding.class.clone(),
                count(finding.relations),
                count(finding.withheld),
                count(finding.follow),
            ]
        });
        say(&table(&["relation", "tables", "class", "relations", "withheld", "follow"], rows));
        say(&format!(
            "Snapshot {}: {} cells are withheld by their publishers; {} of them follow exactly from the published tables \
             by such sums. Which they are is not said. Figures, claims and models that would show one, or anything \
             that tells one, are refused.",
            audit.snapshot,
            count(audit.withheld),
            count(audit.follow),
        ));
        Ok(ExitCode::SUCCESS)
    }
}
