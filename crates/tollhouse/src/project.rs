//! The declarations: pipelines, columns, models, figures, claims.
//!
//! Read from a folder that has `pipelines/` and `warehouse/columns.toml` (the current one, or `--project`), else those
//! built into the program. So a dataset of a known kind is added by writing a file, and an installed program still works
//! anywhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use ingest::fetch::Own;
use model::column::Vocabulary;
use model::dataset::Dataset;
use model::{DatasetId, Error, Kind, Result, ResultExt as _};
use query::claim::ClaimSet;
use query::figures;
use query::models::Model;
use query::pins::Lock;

static PIPELINES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../pipelines");
static MODELS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../warehouse/models");
static RESTRICTED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../warehouse/restricted");
static FIGURES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../warehouse/figures");
static CLAIMS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../warehouse/claims");
static REFERENCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../warehouse/reference");
static PINS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../warehouse/pins");
const COLUMNS: &str = include_str!("../../../warehouse/columns.toml");

/// All declarations.
pub struct Project {
    /// The column vocabulary.
    pub vocabulary: Vocabulary,
    /// The datasets, by name.
    pub datasets: Vec<Dataset>,
    /// The models, by name.
    pub models: Vec<Model>,
    /// The models over unmasked rows of persons, which are in no snapshot, by name.
    pub restricted: Vec<Model>,
    /// The figures, by name.
    pub figures: Vec<figures::Spec>,
    /// The sets of claims, by name.
    pub claims: Vec<ClaimSet>,
    /// Where they were read; those built in without.
    folder: Option<PathBuf>,
}

impl Project {
    /// Reads the declarations.
    pub fn load(folder: Option<&Path>) -> Result<Self> {
        let is_project =
            |folder: &Path| folder.join("pipelines").is_dir() && folder.join("warehouse/columns.toml").is_file();
        let folder = match folder {
            Some(folder) if !is_project(folder) => {
                return Err(Error::new(
                    Kind::Usage,
                    format!("{} has no pipelines/ and warehouse/columns.toml", folder.display()),
                )
                .hint("--project names the folder that holds them; without it, those built in are used"));
            }
            Some(folder) => Some(folder.to_owned()),
            None => Some(PathBuf::from(".")).filter(|here| is_project(here)),
        };
        let columns = match &folder {
            Some(folder) => read(&folder.join("warehouse/columns.toml"))?,
            None => COLUMNS.to_owned(),
        };
        let vocabulary = Vocabulary::parse(&columns)?;
        let datasets = files(folder.as_deref(), "pipelines", &PIPELINES, "toml")?
            .iter()
            .map(|(id, text)| Dataset::parse(id, text, &vocabulary))
            .collect::<Result<Vec<_>>>()?;
        for dataset in &datasets {
            ingest::extract::extractor(dataset)?;
        }
        let models = models((folder.as_deref(), MODELS_BELOW, &MODELS), &datasets, &vocabulary)?;
        let below = (folder.as_deref(), "warehouse/restricted", &RESTRICTED);
        let restricted = self::models(below, &datasets, &vocabulary)?;
        let figures = figure_texts(folder.as_deref())?
            .iter()
            .map(|(id, toml, sql)| figures::Spec::parse(id, toml, sql))
            .collect::<Result<_>>()?;
        let claims = files(folder.as_deref(), "warehouse/claims", &CLAIMS, "toml")?
            .iter()
            .map(|(id, text)| ClaimSet::parse(id, text))
            .collect::<Result<_>>()?;
        Ok(Self { vocabulary, datasets, models, restricted, figures, claims, folder })
    }

    /// The names of all tables that are declared: datasets and models.
    pub fn declared(&self) -> impl Iterator<Item = &str> {
        let datasets = self.datasets.iter().map(|dataset| dataset.id.as_str());
        datasets.chain(self.models.iter().map(|model| model.id.as_str()))
    }

    /// A model by name.
    pub fn model(&self, id: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.id.as_str() == id)
    }

    /// The SQL of every figure and of every test of a claim.
    pub fn questions(&self) -> impl Iterator<Item = &str> {
        let tests = self.claims.iter().flat_map(|set| &set.claims).flat_map(|claim| &claim.tests);
        self.figures.iter().map(|figure| figure.sql.as_str()).chain(tests.map(|test| test.sql.as_str()))
    }

    /// The lock files of pins, by the pin's name.
    pub fn locks(&self) -> Result<Vec<Lock>> {
        let all = files(self.folder.as_deref(), "warehouse/pins", &PINS, "json")?;
        all.iter().map(|(name, text)| Lock::parse(name, text)).collect()
    }

    /// Where the lock file of a pin is to be written. Declarations that are built in have no such place.
    pub fn lock_path(&self, pin: &str) -> Result<PathBuf> {
        let folder = self.folder.as_ref().ok_or_else(|| {
            Error::new(Kind::Usage, "there is no project folder to write a lock file into")
                .hint("--project names the folder with pipelines/ and warehouse/")
        })?;
        Ok(folder.join("warehouse/pins").join(format!("{pin}.json")))
    }

    /// The declarations as files, by their paths in the project: what a bundle takes along.
    pub fn files(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let mut found = Vec::new();
        let columns = match &self.folder {
            Some(folder) => read(&folder.join("warehouse/columns.toml"))?,
            None => COLUMNS.to_owned(),
        };
        found.push(("warehouse/columns.toml".to_owned(), columns.into_bytes()));
        for (below, built_in, endings) in [
            ("pipelines", &PIPELINES, &["toml"][..]),
            ("warehouse/models", &MODELS, &["toml", "sql"]),
            ("warehouse/claims", &CLAIMS, &["toml"]),
            ("warehouse/pins", &PINS, &["json"]),
        ] {
            for ending in endings {
                let each = files(self.folder.as_deref(), below, built_in, ending)?;
                found.extend(each.into_iter().map(|(id, text)| (format!("{below}/{id}.{ending}"), text.into_bytes())));
            }
        }
        for (id, toml, sql) in figure_texts(self.folder.as_deref())? {
            found.push((format!("warehouse/figures/{id}/figure.toml"), toml.into_bytes()));
            found.push((format!("warehouse/figures/{id}/query.sql"), sql.into_bytes()));
        }
        Ok(found)
    }

    /// The project's own tables as files, by their paths in the project.
    pub fn reference(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let all = files(self.folder.as_deref(), "warehouse/reference", &REFERENCE, "csv")?;
        Ok(all.into_iter().map(|(id, text)| (format!("warehouse/reference/{id}.csv"), text.into_bytes())).collect())
    }

    /// Reads the project's own tables, which stand in `warehouse/reference/`.
    pub fn own(&self) -> Own {
        let folder = self.folder.clone();
        Arc::new(move |path| {
            let missing = || {
                Error::new(Kind::Usage, format!("the project has no {path}"))
                    .hint("tables of the project's own stand in warehouse/reference/")
            };
            let name = path.strip_prefix("warehouse/reference/").filter(|name| !name.contains(['/', '\\']));
            let name = name.ok_or_else(missing)?;
            match &folder {
                Some(folder) => std::fs::read(folder.join(path)).map_err(|cause| missing().caused_by(cause)),
                None => REFERENCE.get_file(name).map(|file| file.contents().to_vec()).ok_or_else(missing),
            }
        })
    }

    /// A dataset by name.
    pub fn dataset(&self, id: &str) -> Result<&Dataset> {
        let id: DatasetId = id.parse()?;
        self.datasets.iter().find(|dataset| dataset.id == id).ok_or_else(|| {
            let names: Vec<_> = self.datasets.iter().map(|dataset| dataset.id.as_str()).collect();
            Error::new(Kind::Usage, format!("there is no dataset `{id}`"))
                .hint(format!("the datasets are {}", names.join(", ")))
        })
    }
}

/// Files of one kind in a folder, by name without ending.
fn files(folder: Option<&Path>, below: &str, built_in: &Dir<'_>, ending: &str) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut add = |path: &Path, text: String| {
        if path.extension().is_some_and(|found| found == ending)
            && let Some(stem) = path.file_stem()
        {
            found.push((stem.to_string_lossy().into_owned(), text));
        }
    };
    match folder {
        None => {
            for file in built_in.files() {
                add(file.path(), file.contents_utf8().unwrap_or_default().to_owned());
            }
        }
        Some(folder) => {
            for path in entries(&folder.join(below))? {
                if path.is_file() {
                    add(&path, read(&path)?);
                }
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Where models stand.
const MODELS_BELOW: &str = "warehouse/models";

/// The models of a folder: each a declaration and the SQL beside it.
fn models(
    (folder, below, built_in): (Option<&Path>, &str, &Dir<'_>),
    datasets: &[Dataset],
    vocabulary: &Vocabulary,
) -> Result<Vec<Model>> {
    let declarations = files(folder, below, built_in, "toml")?;
    let sql = files(folder, below, built_in, "sql")?;
    let alone = |id: &str, has: &str, lacks: &str| {
        Error::new(Kind::Usage, format!("{below}/{id}.{has} has no {id}.{lacks} beside it"))
            .hint("a model is two files: NAME.sql makes the rows, NAME.toml says what they are")
    };
    if let Some((id, _)) = sql.iter().find(|(id, _)| !declarations.iter().any(|(other, _)| other == id)) {
        return Err(alone(id, "sql", "toml"));
    }
    let mut models = Vec::new();
    for (id, text) in &declarations {
        let (_, sql) = sql.iter().find(|(other, _)| other == id).ok_or_else(|| alone(id, "toml", "sql"))?;
        let model = Model::parse(id, text, sql, vocabulary)?;
        let taken =
            |dataset: &Dataset| [dataset.id.to_string(), dataset.totals_table(), dataset.notes_table()].contains(id);
        if let Some(dataset) = datasets.iter().find(|dataset| taken(dataset)) {
            return Err(Error::new(Kind::Usage, format!("{below}/{id}.toml: {} has that name", dataset.id))
                .hint("give the model a name of its own"));
        }
        models.push(model);
    }
    Ok(models)
}

/// Figures as they stand: id, `figure.toml`, `query.sql`.
fn figure_texts(folder: Option<&Path>) -> Result<Vec<(String, String, String)>> {
    let mut found = Vec::new();
    match folder {
        None => {
            for dir in FIGURES.dirs() {
                let id = dir.path().display().to_string();
                let text = |name: &str| {
                    let file = FIGURES.get_file(format!("{id}/{name}"));
                    file.and_then(|file| file.contents_utf8()).unwrap_or_default().to_owned()
                };
                found.push((id.clone(), text("figure.toml"), text("query.sql")));
            }
        }
        Some(folder) => {
            for path in entries(&folder.join("warehouse/figures"))?.into_iter().filter(|path| path.is_dir()) {
                let id = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
                found.push((id, read(&path.join("figure.toml"))?, read(&path.join("query.sql"))?));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let what = || format!("cannot list {}", folder.display());
    let entries = std::fs::read_dir(folder).or_error(Kind::Io, what())?;
    entries.map(|entry| Ok(entry.or_error(Kind::Io, what())?.path())).collect()
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).or_error(Kind::Usage, format!("cannot read {}", path.display()))
}
