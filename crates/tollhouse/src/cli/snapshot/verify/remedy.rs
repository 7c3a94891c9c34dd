//! What can restore a damaged file, by its kind. Of parts the repair itself knows better: what they can be made of.

use model::Result;
use store::Warehouse;

const BUNDLE: &str = "a bundle that has it can restore it: --repair --from FILE";

/// What is said of a damaged file, beside the line about it.
pub fn of(warehouse: &Warehouse, path: &str, line: &str) -> Result<String> {
    let name = path.rsplit('/').next().and_then(|name| name.strip_suffix(".json")).unwrap_or_default();
    // What was erased nobody restores: the line says what removes it.
    if line.contains("was erased and is still there") {
        return Ok(String::new());
    }
    Ok(match path.split_once('/').map_or("", |(folder, _)| folder) {
        _ if path == store::MARKER => format!(
            "a bundle of this warehouse can restore it: --repair --from FILE; else this must stand in it, to the byte, with a \
             line feed at its end. When the warehouse was made is not known: this says when its oldest snapshot was, and nothing \
             rests on it.\n{}",
            warehouse.marker_again()?.trim_end()
        ),
        _ if path == store::IMPORTED => {
            "the bundle that this warehouse was made from can restore it: --repair --from FILE; until then it is not known which \
             captures it left out, and any that is not here counts as absent"
                .to_owned()
        }
        "pins" => pin(warehouse, name),
        "erased" => format!(
            "{BUNDLE}, if it was exported since; else a copy of this root. Until then no snapshot is read: what was erased must not \
             come back"
        ),
        "snapshots" if path.ends_with(".gone.json") => {
            "only a copy of this root has it. Leave it where it is: its name keeps the number taken, and nothing that is kept \
             needs what stood in it"
                .to_owned()
        }
        "raw" => format!("{BUNDLE}; else the same file, fetched or imported again, puts itself right"),
        _ => BUNDLE.to_owned(),
    })
}

fn pin(warehouse: &Warehouse, name: &str) -> String {
    let (number, seems) = match warehouse.pin_seems_to_name(name) {
        Some(number) => (number.to_string(), format!(". Its text says {number}, which is a hint and proves nothing")),
        None => ("N".to_owned(), String::new()),
    };
    format!(
        "`tollhouse pin remove {name}` takes it away, then `tollhouse pin add {name} {number}` makes it again{seems}; or a bundle of \
         that pin has it: --repair --from FILE"
    )
}
