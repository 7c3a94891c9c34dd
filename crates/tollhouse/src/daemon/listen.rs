//! Where the daemon is asked: a Unix socket, where whoever can connect may operate, or a TCP port, where a token says who may
//! what.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::{Error, Kind, Result, ResultExt as _};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::operator::Operator;
use super::serve::Shared;
use crate::web::{self, Access, TokenFile};

/// Where to listen.
pub enum Listen {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port.
    Tcp {
        /// Host and port.
        address: String,
        /// Who may what.
        tokens: TokenFile,
    },
}

/// Answering, until it is told to end.
pub struct Answering {
    end: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
    socket: Option<PathBuf>,
}

impl Listen {
    /// What a person said, or the socket in the folder that systemd gives us, or in the root.
    ///
    /// Errors: [`Kind::Usage`] for a port without tokens, and for tokens that are none.
    pub fn parse(text: Option<&str>, token_file: Option<&Path>, root: &Path) -> Result<Self> {
        let Some(text) = text else {
            let folder = std::env::var_os("RUNTIME_DIRECTORY").map_or(root.to_owned(), PathBuf::from);
            return Ok(Self::Unix(folder.join("tollhouse.sock")));
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return Ok(Self::Unix(PathBuf::from(path)));
        }
        let Some(file) = token_file else {
            return Err(Error::new(Kind::Usage, format!("`{text}` is reached over the network, and there are no tokens"))
                .hint("--token-file names a file with a line for each: `read TOKEN` or `operate TOKEN`; or listen on unix:PATH"));
        };
        Ok(Self::Tcp { address: text.to_owned(), tokens: TokenFile::read(file)? })
    }

    /// The file of tokens, where there is one.
    pub fn tokens(&self) -> Option<TokenFile> {
        match self {
            Self::Unix(_) => None,
            Self::Tcp { tokens, .. } => Some(tokens.clone()),
        }
    }

    /// Begins to answer.
    pub async fn answer(self, shared: Arc<Shared>) -> Result<Answering> {
        let operator = Arc::new(Operator::new(shared));
        let (end, ended) = oneshot::channel::<()>();
        let until = async move {
            // A sender that is gone ends it as well.
            ended.await.ok();
        };
        match self {
            Self::Unix(path) => {
                let listener = bind(&path).await?;
                tracing::info!(socket = %path.display(), "listening");
                let router = web::router(operator, Access::Everyone);
                Ok(Answering { end, task: tokio::spawn(web::serve(listener, router, until)), socket: Some(path) })
            }
            Self::Tcp { address, tokens } => {
                let listener = TcpListener::bind(&address).await;
                let listener = listener.or_error(Kind::Io, format!("cannot listen on {address}"))?;
                tracing::info!(address, "listening");
                let router = web::router(operator, Access::Tokens(tokens));
                Ok(Answering { end, task: tokio::spawn(web::serve(listener, router, until)), socket: None })
            }
        }
    }
}

/// A socket of our own: one that a dead daemon left is replaced, one at which somebody answers is not.
async fn bind(path: &Path) -> Result<UnixListener> {
    if path.exists() {
        if UnixStream::connect(path).await.is_ok() {
            return Err(Error::new(Kind::Usage, format!("another daemon listens at {}", path.display()))
                .hint("stop it, or give this one a socket of its own: --listen unix:PATH"));
        }
        std::fs::remove_file(path).or_error(Kind::Io, format!("cannot remove the old socket {}", path.display()))?;
    }
    let listener = UnixListener::bind(path).or_error(Kind::Usage, format!("cannot listen at {}", path.display()))?;
    // For its user and group: whoever can connect may operate.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .or_error(Kind::Io, format!("cannot guard the socket {}", path.display()))?;
    Ok(listener)
}

impl Answering {
    /// Lets those who are being answered have their answers, and ends.
    pub async fn end(self) {
        let _it_has_ended = self.end.send(());
        match self.task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "answering ended badly"),
            Err(error) => tracing::warn!(%error, "answering ended badly"),
        }
        if let Some(socket) = self.socket {
            let _the_next_replaces_it = std::fs::remove_file(socket);
        }
    }
}
