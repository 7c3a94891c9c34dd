//! The declarations and the configuration as they were when they were found good, in a folder of their own: what the daemon's
//! processes read. So a bad edit changes nothing until a reload finds it good.

use std::path::{Path, PathBuf};

use model::{Kind, Result, ResultExt as _};
use tempfile::TempDir;

use super::core::{Job, Rules};
use super::jobs;
use crate::config::Config;
use crate::project::Project;

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
    pub fn read(project: Option<&Path>, config: Option<&Path>, replica: bool) -> Result<Self> {
        let (project, text) = (Project::load(project)?, Config::text(config)?.unwrap_or_default());
        let cannot = "cannot keep the declarations for the daemon's processes";
        // Below /run where systemd gives us a folder there.
        let folder = match std::env::var_os("RUNTIME_DIRECTORY") {
            Some(runtime) => tempfile::Builder::new().prefix("project-").tempdir_in(runtime),
            None => tempfile::Builder::new().prefix("tollhouse-").tempdir(),
        }
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
