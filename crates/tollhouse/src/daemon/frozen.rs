//! The declarations and the configuration as they were when they were found good, in a folder of their own: what the daemon's
//! processes read. So a bad edit changes nothing until a reload finds it good.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use model::{Kind, Result, ResultExt as _};
use tempfile::TempDir;

use super::core::{Job, Rules};
use super::jobs;
use crate::config::Config;
use crate::project::Project;

/// How the names of the folders begin, and what follows the daemon's name in them.
const PREFIX: &str = "tollhouse-";
const AFTER: &str = ".";

/// Where the folders are: below /run where systemd gives us one there.
fn place() -> PathBuf {
    std::env::var_os("RUNTIME_DIRECTORY").map_or_else(std::env::temp_dir, PathBuf::from)
}

/// Removes the folders that daemons left behind which were killed.
pub fn sweep(is_dead: &dyn Fn(&str) -> bool) {
    for entry in std::fs::read_dir(place()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let holder = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.rsplit_once(AFTER));
        if holder.is_some_and(|(holder, _)| is_dead(holder)) {
            // Whoever cannot remove it is not whose it is.
            let _it_stays = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// What the daemon works by.
pub struct Frozen {
    folder: TempDir,
    /// The declarations.
    pub project: Project,
    /// The configuration.
    pub config: Config,
    /// What follows from them.
    pub jobs: Vec<Job>,
}

impl Frozen {
    /// Reads declarations and configuration, and keeps them as they are now.
    ///
    /// Errors: those of either, each with its file.
    pub fn read(project: Option<&Path>, config: Option<&Path>, replica: bool, holder: &str) -> Result<Self> {
        let (project, text) = (Project::load(project)?, Config::text(config)?.unwrap_or_default());
        // Errors name the file that somebody wrote, not the copy.
        jobs::of(&project, &Config::load(config)?, replica)?;
        let cannot = "cannot keep the declarations for the daemon's processes";
        let folder = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{holder}{AFTER}"))
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(place())
            .or_error(Kind::Io, cannot)?;
        for (path, bytes) in project.files()?.into_iter().chain(project.reference()?) {
            let path = folder.path().join(path);
            let parent = path.parent().unwrap_or(folder.path());
            std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, bytes)).or_error(Kind::Io, cannot)?;
        }
        std::fs::write(folder.path().join("tollhouse.toml"), text).or_error(Kind::Io, cannot)?;
        // What is good is what was kept, not what lies there a moment later.
        let project = Project::load(Some(folder.path()))?;
        let config = Config::load(Some(&folder.path().join("tollhouse.toml")))?;
        let jobs = jobs::of(&project, &config, replica)?;
        Ok(Self { folder, project, config, jobs })
    }

    /// Where they lie.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration's file.
    pub fn config_path(&self) -> PathBuf {
        self.folder.path().join("tollhouse.toml")
    }

    /// How patient the daemon is.
    pub fn rules(&self) -> Rules {
        let daemon = &self.config.daemon;
        Rules {
            slots: daemon.slots.get(),
            grace: daemon.grace,
            retry_first: daemon.retry_first,
            breaker_failures: daemon.breaker_failures.max(1),
            breaker_pause: daemon.breaker_pause,
            ..Rules::default()
        }
    }
}
