//! What the timer runs: the lease is kept while the service answers, and nothing is lost when something else does.

use std::{path::Path, process::Command};

use rstest::rstest;
use tempfile::TempDir;

use super::fake::{ACTIVATION, Fake, Play, grant, lease, signed};

const SCRIPT: &str = include_str!("../../../../templates/deploy/renew.sh");
/// The clock of all tests here, and when the lease was given that the machine has.
const NOW: u64 = 1_700_000_000;

/// A machine with a seat, and a service.
struct Seated {
    root: TempDir,
    fake: Fake,
}

impl Seated {
    fn new(change: impl FnOnce(&mut Play)) -> Self {
        let root = TempDir::new().unwrap();
        let code = signed("atlas", r#","rev":1"#);
        let mut play = Play { license: code.clone(), granted: Some(grant(NOW, &code)), ..Play::default() };
        change(&mut play);
        let it = Self { root, fake: Fake::start(play) };
        let files = [("license", code + "\n"), ("lease.jwt", lease(NOW) + "\n")];
        for (name, text) in
            files.iter().chain(&[("keys.jwt", "keys\n".into()), ("activation", format!("{ACTIVATION}\n"))])
        {
            std::fs::write(it.path(name), text).unwrap();
        }
        let clock = "#!/bin/sh\n[ \"$*\" = +%s ] && cat \"$(dirname \"$0\")/clock\"\n";
        std::fs::write(it.path("date"), clock).unwrap();
        run(Command::new("chmod").arg("755").arg(it.path("date")));
        run(Command::new("chmod").arg("600").arg(it.path("license")));
        it
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Runs the script `seconds` after the lease was given: its exit code.
    fn after(&self, seconds: i64, argument: &str) -> i32 {
        std::fs::write(self.path("clock"), NOW.saturating_add_signed(seconds).to_string()).unwrap();
        let here = self.root.path().to_str().unwrap();
        let script = SCRIPT.replace("/var/lib/signet/$PRODUCT", here).replace("/etc/signet/$PRODUCT", here);
        let head = format!("SERVICE='http://{}' PRODUCT=atlas PIN=''\n", self.fake.address);
        let path = format!("{here}:{}", std::env::var("PATH").unwrap());
        let script = [head, script].concat();
        let ended = Command::new("sh").args(["-c", &script, "renew", argument]).env("PATH", path).output().unwrap();
        ended.status.code().unwrap()
    }

    /// All that is there.
    fn state(&self) -> Vec<(String, String)> {
        let names = std::fs::read_dir(self.root.path()).unwrap().map(|it| it.unwrap().file_name());
        let mut all: Vec<_> = names.map(|it| it.into_string().unwrap()).filter(|it| it != "clock").collect();
        all.sort();
        all.into_iter().map(|it| (self.file(&it), it)).collect()
    }
}

fn run(command: &mut Command) {
    assert!(command.status().unwrap().success());
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A page of a proxy once emptied the lease, the keys and the seat's id.
#[rstest]
#[case::page("<html>maintenance</html>")]
#[case::empty("")]
#[case::other_json(r#"{"status":"ok"}"#)]
#[case::truncated(&grant(NOW, "c")[..200])]
#[case::no_keys(&grant(NOW, "c").split(r#","keys""#).next().unwrap().to_owned())]
#[case::no_lease(&grant(NOW, "c").replace("\"lease\":", "\"other\":"))]
#[case::no_id(&grant(NOW, "c").replace(ACTIVATION, ""))]
#[case::two_parts(&grant(NOW, "c").replacen("e30.", "", 1))]
#[case::other_product(&grant(NOW, "c").replace(&lease(NOW), &signed("mill/lease", "")))]
#[case::keys_as_lease(&grant(NOW, "c").replace(&lease(NOW), &signed("atlas/keys", "")))]
fn an_answer_that_is_not_the_services_changes_nothing(#[case] answer: &str) {
    let seated = Seated::new(|it| it.granted = Some(answer.to_owned()));
    let before = seated.state();
    assert_eq!(seated.after(200, ""), 75, "worth another try");
    assert_eq!(seated.fake.calls(), ["POST renew 201"]);
    assert_eq!(seated.state(), before);
}

#[test]
fn a_license_that_is_refused_is_not_worth_another_try() {
    let seated = Seated::new(|it| it.refuses = [("renew", (403, "the license expired"))].into());
    let before = seated.state();
    assert_eq!(seated.after(200, ""), 1);
    assert_eq!(seated.state(), before);
}

/// The timer once asked every hour: leases of floating plans last minutes.
#[rstest]
#[case::just_given(0, false)]
#[case::time_left(49, false)]
#[case::turned_back(-1, true)]
#[case::next_time_would_be_late(120, true)]
#[case::over(400, true)]
fn a_lease_of_minutes_is_renewed_in_time(#[case] seconds: i64, #[case] asks: bool) {
    let seated = Seated::new(|it| it.granted = Some(grant(NOW + 1_000, &it.license)));
    // Of ten minutes: to be renewed after 200 seconds.
    let given = signed("atlas/lease", &format!(r#","iat":{NOW},"exp":{},"renew_after":{}"#, NOW + 600, NOW + 200));
    std::fs::write(seated.path("lease.jwt"), given).unwrap();
    assert_eq!(seated.after(seconds, ""), 0);
    assert_eq!(seated.fake.calls().len(), usize::from(asks));
    assert_eq!(seated.file("lease.jwt") == lease(NOW + 1_000) + "\n", asks);
}

/// Told to ask, without a lease, or with one that does not say when: it asks.
#[test]
fn a_lease_is_asked_for_when_none_says_that_there_is_time() {
    let seated = Seated::new(|it| it.granted = Some(grant(NOW + 9_000, &it.license)));
    assert_eq!((seated.after(0, "now"), seated.fake.calls().len()), (0, 1));
    assert_eq!((seated.after(9_000 - 1_000, "now"), seated.fake.calls().len()), (0, 2));
    for lease in ["", "no lease", &signed("atlas/lease", "")] {
        let calls = seated.fake.calls().len();
        std::fs::write(seated.path("lease.jwt"), lease).unwrap();
        assert_eq!((seated.after(0, ""), seated.fake.calls().len()), (0, calls + 1), "{lease}");
    }
}

/// A code that was issued anew once stayed with the service: the machine kept asking with the old one.
#[test]
fn the_newest_code_is_kept() {
    let newest = signed("atlas", r#","rev":2"#);
    let seated = Seated::new(|it| it.granted = Some(grant(NOW, &newest)));
    assert_eq!(seated.after(200, ""), 0);
    assert_eq!(seated.file("license"), newest + "\n");
    assert_eq!((mode(&seated.path("license")), mode(&seated.path("lease.jwt"))), (0o600, 0o644));
    assert_eq!(seated.file("activation"), format!("{ACTIVATION}\n"));
    assert_eq!(seated.file("keys.jwt"), signed("atlas/keys", "") + "\n");
    assert!(!seated.state().iter().any(|(_, name)| name.ends_with(".new")));
}

#[rstest]
#[case::none("")]
#[case::no_code("c")]
#[case::other_product(&signed("mill", ""))]
fn a_code_that_is_none_is_not_kept(#[case] code: &str) {
    let seated = Seated::new(|it| it.granted = Some(grant(NOW + 1, code)));
    let before = seated.file("license");
    assert_eq!(seated.after(200, ""), 0);
    assert_eq!((seated.file("license"), seated.file("lease.jwt")), (before, lease(NOW + 1) + "\n"));
}
