//! Child processes that never outlive their test: a command run to its end, and the service.

use std::{
    fs::{self, File, OpenOptions},
    io::Read,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::support::{Installation, PATIENCE, PAUSE, http_get, tail};

/// A command that came to its end.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    /// Waits for the end, within [`PATIENCE`].
    #[track_caller]
    pub fn of(command: Command) -> Self {
        Self::within(command, PATIENCE)
    }

    /// Waits for the end of something that may take hours.
    #[track_caller]
    pub fn patiently(command: Command) -> Self {
        Self::within(command, Duration::from_secs(24 * 3_600))
    }

    /// Waits for the end, so long.
    #[track_caller]
    pub fn within(mut command: Command, patience: Duration) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let mut killer = Killer(child);
        let out = std::thread::spawn(move || read_all(&mut out));
        let err = std::thread::spawn(move || read_all(&mut err));
        let code = killer.wait(patience);
        drop(killer);
        let ended = Self { code: code.flatten(), stdout: out.join().unwrap(), stderr: err.join().unwrap() };
        assert!(code.is_some(), "{command:?} did not end: {ended:?}");
        ended
    }

    /// Both streams together.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// The command failed as it should, and says all of `words`.
    #[track_caller]
    pub fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        for word in words {
            assert!(self.text().contains(word), "`{word}` is missing in {self:?}");
        }
    }
}

fn read_all(from: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = from.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A child that never outlives the test.
#[derive(Debug)]
struct Killer(Child);

impl Killer {
    /// Waits for the end: the exit code, which a signal leaves empty. `None`: it still runs.
    fn wait(&mut self, patience: Duration) -> Option<Option<i32>> {
        let started = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return Some(status.code());
            }
            if started.elapsed() > patience {
                return None;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Drop for Killer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `signet serve`, running.
#[derive(Debug)]
pub struct Service {
    child: Killer,
    log: PathBuf,
}

impl Service {
    /// Starts and waits until the service is ready; otherwise what it logged.
    pub fn start(mut command: Command, installation: &Installation) -> Result<Self, String> {
        let log = installation.log_file();
        let file: File = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let mut service = Self { child: Killer(command.spawn().unwrap()), log };
        let started = Instant::now();
        loop {
            if matches!(http_get(installation.port, "/readyz", &[]), Ok((200, _))) && service.runs() {
                return Ok(service);
            }
            if !service.runs() || started.elapsed() > PATIENCE {
                return Err(service.log());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.child.0.id()
    }

    /// Whether the process runs.
    pub fn runs(&mut self) -> bool {
        self.child.0.try_wait().unwrap().is_none()
    }

    /// Everything logged so far, by all starts on this installation.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Kills it with SIGKILL.
    pub fn kill(self) {
        drop(self);
    }

    /// Sends a signal by its name, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let id = self.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id]).status().unwrap();
        assert!(sent.success(), "signal {name} could not be sent");
    }

    /// Waits for the end and gives the exit code.
    #[track_caller]
    pub fn wait(&mut self, patience: Duration) -> Option<i32> {
        let code = self.child.wait(patience);
        assert!(code.is_some(), "the service did not end within {patience:?}:\n{}", tail(&self.log()));
        code.flatten()
    }

    /// Stops it as an operator does.
    #[track_caller]
    pub fn stop(mut self) {
        self.signal("TERM");
        assert_eq!(self.wait(PATIENCE), Some(0), "{}", tail(&self.log()));
    }
}
