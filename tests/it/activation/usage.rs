//! What machines report as used: counted whole, exactly, once, and within what the plan allows.

use jiff::SignedDuration;
use rstest::rstest;
use signet::{
    base::{ids::ActivationId, limits},
    catalog::PlanName,
    license::activation::Reason,
    store::StoreError,
    usecase::{
        Actor, Failure,
        activation::{self, Became, Outcome, Report, Reported},
        merchant::Act,
        retention, upgrade,
        usage::{self, Counted},
        validate::Question,
    },
};
use signet_verify::claims::{MeterFacts, ValidationClaims};

use super::{Sold, act, activate, deactivate, machine, refused, renew, said, seats, validate};
use crate::harness::{Backend, TestApp, slug};

/// `id meter amount`.
pub fn report(text: &str) -> Report {
    let [id, meter, amount] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
    Report { id: id.to_owned(), meter: meter.to_owned(), amount: amount.parse().unwrap() }
}

/// Reports, once.
pub async fn try_reports(
    app: &TestApp,
    sold: &Sold,
    id: ActivationId,
    reports: Vec<Report>,
) -> Result<Outcome<Reported>, Failure> {
    let key = sold.key.clone();
    let job = move |tx: &mut _, ctx: signet::usecase::Context<'_>| {
        activation::report(tx, ctx, &key, id, Some("n-1"), &reports)
    };
    app.app.write(Actor::Software, job).await
}

/// A license of a plan with a machine that reports.
pub struct Metered {
    pub app: TestApp,
    pub sold: Sold,
    pub id: ActivationId,
}

impl Metered {
    pub async fn start(backend: Backend) -> Self {
        Self::of(backend, "metered").await
    }

    async fn of(backend: Backend, plan: &str) -> Self {
        let app = TestApp::start(backend).await;
        let sold = seats(&app, plan, 3).await;
        let id = activate(&app, &sold.key, machine(1)).await.unwrap().activation.id;
        Self { app, sold, id }
    }

    async fn all(&self, reports: &[&str]) -> Outcome<Reported> {
        let reports = reports.iter().map(|text| report(text)).collect();
        try_reports(&self.app, &self.sold, self.id, reports).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// What became of one report, and what the signed answer says then.
    async fn one(&self, text: &str) -> (Became, ValidationClaims) {
        let reported = self.all(&[text]).await.unwrap();
        let said = said(&self.app, "mill", &reported.verdict).await;
        assert_eq!(said.asked.activation, Some(self.id.to_string()));
        assert_eq!(
            (said.asked.nonce.as_deref(), said.activation.as_ref()),
            (Some("n-1"), said.asked.activation.as_ref())
        );
        let [(id, became)] = reported.reports.as_slice() else { panic!("{reported:?}") };
        assert_eq!(said.reports.len(), 1);
        assert_eq!((&said.reports[0].id, said.reports[0].counted), (id, became.refused().is_none()));
        assert_eq!(said.reports[0].reason.as_deref(), became.refused().map(Reason::as_str));
        (*became, said)
    }

    async fn counts(&self, text: &str) -> MeterFacts {
        let (became, said) = self.one(text).await;
        assert_eq!((became, said.reason.as_str()), (Became::Counted, "valid"), "{text}");
        let meter = text.split(' ').nth(1).unwrap();
        said.meters.into_iter().find(|it| it.meter == meter).unwrap()
    }

    async fn refuses(&self, text: &str) -> Reason {
        let (became, said) = self.one(text).await;
        let reason = became.refused().unwrap_or_else(|| panic!("{text} was counted"));
        assert_eq!((said.valid, said.reason.as_str()), (false, reason.as_str()));
        reason
    }

    /// `used left` as a valid answer shows them.
    pub async fn shows(&self, meter: &str) -> String {
        let verdict = validate(&self.app, &self.sold.key, Question::default()).await;
        let said = said(&self.app, "mill", &verdict).await;
        let found = said.meters.iter().find(|it| it.meter == meter).unwrap_or_else(|| panic!("{:?}", said.meters));
        let shown = verdict.meters.iter().find(|it| it.meter.slug.as_str() == meter).unwrap();
        assert_eq!(
            (shown.used.to_string(), shown.left().map(|it| it.to_string())),
            (found.used.clone(), found.left.clone())
        );
        format!("{} {}", found.used, found.left.as_deref().unwrap_or("-"))
    }

    /// What was ever counted, as the marketplace is told.
    pub async fn total(&self, meter: &str) -> i64 {
        let id = self.sold.license.id;
        let counters = self.app.read(move |tx, _| Ok(tx.usage_list(id)?)).await;
        counters.iter().find(|it| it.meter == meter).map_or(0, |it| it.total)
    }

    async fn merchant_adds(&self, meter: &'static str, amount: i64) -> Counted {
        let id = self.sold.license.id;
        self.app.write(move |tx, ctx| usage::add(tx, ctx, id, &slug(meter), amount)).await
    }

    /// The same among others, until it is done.
    pub async fn merchant_adds_patiently(&self, meter: &'static str, amount: i64) {
        let id = self.sold.license.id;
        for _ in 0..40 {
            let add =
                move |tx: &mut _, ctx: signet::usecase::Context<'_>| usage::add(tx, ctx, id, &slug(meter), amount);
            match self.app.app.write(Actor::CommandLine, add).await {
                Err(Failure::Store(StoreError::Contended { .. } | StoreError::Busy)) => {}
                result => {
                    assert!(matches!(result.unwrap(), Counted::Counters(_)));
                    return;
                }
            }
        }
        panic!("forty times without an answer")
    }

    async fn moves_to(&self, plan: &'static str) {
        let id = self.sold.license.id;
        let name = PlanName { product: slug("mill"), plan: slug(plan) };
        self.app
            .write(move |tx, ctx| {
                let license = tx.license_for_update(id)?.expect("the license");
                let plan = ctx.installation.catalog.plan(&name.product, &name.plan);
                upgrade::apply(tx, ctx, license, plan, None, "CS-UP")
            })
            .await;
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_are_added_exactly_and_a_report_that_does_not_fit_counts_nothing(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    assert_eq!(it.shows("runs").await, "0 20");
    for number in 0..10 {
        it.counts(&format!("a{number} runs 0.1")).await;
    }
    let facts = it.counts("b runs 18.9999").await;
    assert_eq!(
        (facts.used.as_str(), facts.limit.as_deref(), facts.left.as_deref()),
        ("19.9999", Some("20"), Some("0.0001"))
    );
    assert_eq!(facts.resets_at, None, "it never does");
    assert_eq!(it.refuses("c runs 0.0002").await, Reason::UsageLimit);
    assert_eq!(it.refuses("c runs 99999999.9999").await, Reason::UsageLimit);
    assert_eq!(it.shows("runs").await, "19.9999 0.0001");
    // An id that was refused is free: the machine may ask for less.
    assert_eq!(it.counts("c runs 0.0001").await.left.as_deref(), Some("0"));
    assert_eq!(it.refuses("d runs 0.0001").await, Reason::UsageLimit);
    assert_eq!(it.counts("d runs 0").await.used, "20", "nothing more always fits");
    assert_eq!(it.total("runs").await, 200_000);
    assert_eq!(it.total("daily").await, 0);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_report_again_is_not_counted_again(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    it.counts("a runs 20").await;
    for _ in 0..3 {
        let (became, said) = it.one("a runs 20.0").await;
        assert_eq!((became, said.valid), (Became::Repeated, true), "also when nothing is left");
    }
    assert_eq!(it.refuses("a runs 19").await, Reason::ReportConflict);
    assert_eq!(it.refuses("a plain 20").await, Reason::ReportConflict);
    assert_eq!(it.shows("runs").await, "20 0");
    // Another license has ids of its own; another machine of the license has not. While both have seats, what the second
    // used would be lost as a repeat; when the first has none any more, it is the same software on another machine.
    let second = activate(&it.app, &it.sold.key, machine(2)).await.unwrap().activation.id;
    let again =
        async || try_reports(&it.app, &it.sold, second, vec![report("a runs 20")]).await.unwrap().unwrap().reports[0].1;
    assert_eq!(again().await, Became::Refused(Reason::ReportConflict));
    deactivate(&it.app, &it.sold.key, it.id).await.unwrap();
    assert_eq!(again().await, Became::Repeated);
    let other = seats(&it.app, "metered", 1).await;
    let id = activate(&it.app, &other.key, machine(1)).await.unwrap().activation.id;
    let counted = try_reports(&it.app, &other, id, vec![report("a runs 20")]).await.unwrap().unwrap();
    assert_eq!(counted.reports[0].1, Became::Counted);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_counted_report_by_report_in_order(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    let reported = it
        .all(&["a runs 15", "b runs 6", "c runs 5", "a runs 15", "a runs 1", "d nothing 1", "e plain 7"])
        .await
        .unwrap();
    use Became::{Counted, Refused, Repeated};
    let became: Vec<_> = reported.reports.iter().map(|(_, became)| *became).collect();
    let expected = [
        Counted,
        Refused(Reason::UsageLimit),
        Counted,
        Repeated,
        Refused(Reason::ReportConflict),
        Refused(Reason::MeterUnknown),
        Counted,
    ];
    assert_eq!(became, expected);
    assert_eq!(reported.verdict.reason, Reason::Valid, "something counts");
    assert_eq!((it.shows("runs").await, it.shows("plain").await), ("20 0".to_owned(), "7 -".to_owned()));
    let none = it.all(&["x nothing 1", "y runs 1"]).await.unwrap();
    assert_eq!(none.verdict.reason, Reason::MeterUnknown, "the first one's");
    // A hundred with the longest ids still fit into one signed answer.
    let long: Vec<String> = (0..100).map(|number| format!("{number:a>64} nothing 1")).collect();
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    let reported = it.all(&long).await.unwrap();
    assert_eq!(said(&it.app, "mill", &reported.verdict).await.reports.len(), 100);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_allows_more_is_only_shown(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    it.counts("a soft 4").await;
    let facts = it.counts("b soft 4").await;
    assert_eq!((facts.used.as_str(), facts.left.as_deref()), ("8", Some("0")));
}

/// Regression: at the most that a marketplace can show, every meter of the license ended for good, the daily ones as well.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_what_no_marketplace_can_show_is_counted_all_the_same(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    it.counts("a soft 99999999.9999").await;
    it.counts("b soft 99999999.9999").await;
    assert_eq!(it.total("soft").await, 1_999_999_999_998);
    // Far beyond any use there is an end.
    it.merchant_adds("soft", usage::TOTAL_MAX - 1_999_999_999_998).await;
    assert_eq!(it.refuses("c soft 0.0001").await, Reason::UsageLimit);
    assert_eq!(it.merchant_adds("soft", 1).await, Counted::TooLarge);
}

/// Regression: what was reported wrongly could not be taken back by anybody.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_the_merchant_takes_back_what_was_reported_wrongly(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    it.counts("a daily 1.5").await;
    it.counts("b runs 20").await;
    assert!(matches!(it.merchant_adds("daily", -10_000).await, Counted::Counters(_)));
    assert_eq!((it.shows("daily").await, it.total("daily").await), ("0.5 1".to_owned(), 5_000));
    assert!(matches!(it.merchant_adds("runs", -5_000).await, Counted::Counters(_)));
    assert_eq!(it.shows("runs").await, "19.5 0.5");
    assert_eq!(it.merchant_adds("runs", -195_001).await, Counted::TooLittle);
    assert_eq!(it.merchant_adds("never-counted", -1).await, Counted::TooLittle);
    // What is taken back may be of a day that is over: of today's no more goes than was used.
    it.app.pass_days(1);
    it.counts("c daily 0.2").await;
    assert!(matches!(it.merchant_adds("daily", -5_000).await, Counted::Counters(_)));
    assert_eq!((it.shows("daily").await, it.total("daily").await), ("0 1.5".to_owned(), 2_000));
    let history = it.app.history(&it.sold.license).await;
    assert_eq!(history.iter().filter(|event| *event == "usage_corrected").count(), 3);
}

/// Regression: the ids of reports were kept without a limit.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_a_license_sends_so_many_reports_a_day(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    it.counts("a plain 1").await;
    it.counts("zero plain 0").await;
    let (license, day) = (it.sold.license.id, it.app.now().as_seconds().div_euclid(86_400));
    let kept = it.app.read(move |tx, _| Ok(tx.report_day(license)?)).await;
    assert_eq!(kept, Some((day, 1)), "nothing is kept of a report of nothing");
    it.app.write(move |tx, _| Ok(tx.report_day_save(license, day, limits::REPORTS_PER_DAY - 2)?)).await;
    let reported = it.all(&["b plain 1", "c plain 1", "d plain 1", "a plain 1", "e plain 0"]).await.unwrap();
    let became: Vec<_> = reported.reports.iter().map(|(_, became)| *became).collect();
    let limit = Became::Refused(Reason::ReportLimit);
    assert_eq!(became, [Became::Counted, Became::Counted, limit, Became::Repeated, Became::Counted]);
    assert_eq!(it.refuses("d plain 1").await, Reason::ReportLimit);
    assert_eq!(it.total("plain").await, 30_000);
    it.app.pass_days(1);
    it.counts("d plain 1").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_and_months_begin_at_midnight_utc_and_terms_with_renewals(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    let end = crate::harness::time("2027-06-01T00:00:00Z");
    it.app.set_clock("2026-03-30T23:59:59Z");
    renew(&it.app, &it.sold.key, it.id, activation::Renewal::default()).await.unwrap();
    let facts = it.counts("a daily 1.5").await;
    assert_eq!(facts.resets_at, Some(crate::harness::time("2026-03-31T00:00:00Z").as_seconds()));
    let facts = it.counts("b monthly 9").await;
    assert_eq!(facts.resets_at, Some(crate::harness::time("2026-04-01T00:00:00Z").as_seconds()));
    it.counts("c termly 9").await;
    assert_eq!(it.refuses("d daily 0.0001").await, Reason::UsageLimit);
    it.app.pass(SignedDuration::from_secs(1));
    assert_eq!(it.shows("daily").await, "0 1.5", "nobody has to report for it");
    it.counts("d daily 1").await;
    assert_eq!(it.refuses("e monthly 2").await, Reason::UsageLimit);
    // A server whose clock is behind brings no older day back.
    it.app.set_clock("2026-03-30T23:59:59Z");
    assert_eq!(it.counts("f daily 0.5").await.used, "1.5");
    it.app.set_clock("2026-03-31T23:59:59Z");
    assert_eq!(it.refuses("g daily 0.1").await, Reason::UsageLimit);
    it.app.pass(SignedDuration::from_secs(1));
    assert_eq!((it.shows("monthly").await, it.shows("daily").await), ("0 10".to_owned(), "0 1.5".to_owned()));
    it.counts("h monthly 2").await;
    // The term goes on until somebody renews; days and months do not care.
    assert_eq!(it.refuses("i termly 2").await, Reason::UsageLimit);
    act(&it.app, &it.sold, Act::Suspend).await;
    act(&it.app, &it.sold, Act::Resume).await;
    assert_eq!(it.shows("termly").await, "9 1");
    let before = it.sold.license.expiry.at().unwrap();
    act(&it.app, &it.sold, Act::Extend(Some(before.saturating_add(SignedDuration::from_hours(23))))).await;
    assert_eq!(it.shows("termly").await, "9 1", "hours are no new term");
    act(&it.app, &it.sold, Act::Extend(Some(end))).await;
    assert_eq!((it.shows("termly").await, it.shows("monthly").await), ("0 10".to_owned(), "2 8".to_owned()));
    it.counts("i termly 2").await;
    act(&it.app, &it.sold, Act::Extend(Some(end.plus_days(-30)))).await;
    assert_eq!(it.shows("termly").await, "2 8", "an end that comes sooner is no new term");
    assert_eq!(
        (it.total("daily").await, it.total("monthly").await, it.total("termly").await),
        (30_000, 110_000, 110_000)
    );
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_plan_has_other_limits_for_what_was_used(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    for text in ["a runs 20", "b daily 1", "c monthly 9", "d soft 1"] {
        it.counts(text).await;
    }
    it.moves_to("metered-plus").await;
    assert_eq!(it.shows("runs").await, "20 80", "all that was ever used");
    assert_eq!(it.shows("daily").await, "1 29", "the day's use began within the month");
    assert_eq!(it.shows("monthly").await, "9 0");
    assert_eq!(it.refuses("e monthly 1").await, Reason::UsageLimit);
    assert_eq!(it.refuses("f soft 1").await, Reason::MeterUnknown);
    it.counts("g runs 80").await;
    let (became, _) = it.one("d soft 1").await;
    assert_eq!(became, Became::Repeated, "what was counted stays so");
    it.moves_to("metered").await;
    assert_eq!(it.shows("runs").await, "100 0");
    assert_eq!(it.shows("soft").await, "1 4");
    // A plan without meters counts nothing.
    it.moves_to("fixed").await;
    assert_eq!(it.refuses("h runs 1").await, Reason::MeterUnknown);
    assert!(validate(&it.app, &it.sold.key, Question::default()).await.meters.is_empty());
}

/// Regression: a report whose answer was lost was told as not counted when the license was frozen, expired or released
/// meanwhile, or the seat given back.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn regression_what_was_counted_is_told_so_also_when_nothing_counts_any_more(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    it.counts("a runs 5").await;
    let told = async |expected: Reason| {
        let reported = it.all(&["a runs 5", "a runs 6", "b runs 1"]).await.unwrap();
        let became: Vec<_> = reported.reports.iter().map(|(_, became)| *became).collect();
        assert_eq!(became, [Became::Repeated, Became::Refused(expected), Became::Refused(expected)]);
        assert_eq!(reported.verdict.reason, expected);
        let claims = said(&it.app, "mill", &reported.verdict).await;
        let counted: Vec<_> = claims.reports.iter().map(|it| it.counted).collect();
        assert_eq!((counted, claims.valid), (vec![true, false, false], false));
        assert_eq!(it.total("runs").await, 50_000);
    };
    act(&it.app, &it.sold, Act::Suspend).await;
    told(Reason::LicenseFrozen).await;
    act(&it.app, &it.sold, Act::Resume).await;
    deactivate(&it.app, &it.sold.key, it.id).await.unwrap();
    told(Reason::MachineUnknown).await;
    it.app.pass_days(20);
    act(&it.app, &it.sold, Act::Release).await;
    told(Reason::LicenseReleased).await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_run_may_not_report(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    let reason = async |expected| {
        let verdict = refused(it.all(&["a runs 1"]).await).verdict;
        let claims = said(&it.app, "mill", &verdict).await;
        assert_eq!((verdict.reason, claims.reports.len(), claims.meters.len()), (expected, 0, 0));
    };
    act(&it.app, &it.sold, Act::Suspend).await;
    reason(Reason::LicenseFrozen).await;
    act(&it.app, &it.sold, Act::Resume).await;
    let other = seats(&it.app, "metered", 1).await;
    let elsewhere = try_reports(&it.app, &other, it.id, vec![report("a runs 1")]).await.unwrap();
    assert_eq!(refused(elsewhere).verdict.reason, Reason::MachineUnknown, "another license's machine");
    deactivate(&it.app, &it.sold.key, it.id).await.unwrap();
    reason(Reason::MachineUnknown).await;
    activate(&it.app, &it.sold.key, machine(1)).await.unwrap();
    it.counts("b runs 1").await;
    it.app.pass_days(500);
    reason(Reason::LicenseExpired).await;
    act(&it.app, &it.sold, Act::Release).await;
    reason(Reason::LicenseReleased).await;
    // The merchant may, and so the marketplace learns of it.
    assert!(matches!(it.merchant_adds("runs", 5_000).await, Counted::Counters(_)));
    assert_eq!(it.total("runs").await, 15_000);

    let floating = Metered::of(backend, "metered-floating").await;
    floating.counts("a runs 1").await;
    floating.app.pass(SignedDuration::from_mins(31));
    assert_eq!(refused(floating.all(&["b runs 1"]).await).verdict.reason, Reason::LeaseEnded);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_merchants_word_counts_beyond_limits_and_beside_meters(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    let Counted::Counters(usage) = it.merchant_adds("daily", 20_000).await else { panic!("not counted") };
    let daily = usage.meters.iter().find(|it| it.meter.slug.as_str() == "daily").unwrap();
    assert_eq!((daily.used.to_string(), daily.left().unwrap().to_string()), ("2".to_owned(), "0".to_owned()));
    assert_eq!(it.refuses("a daily 0.5").await, Reason::UsageLimit);
    assert!(matches!(it.merchant_adds("by-hand", 1).await, Counted::Counters(_)));
    assert_eq!(it.refuses("b by-hand 1").await, Reason::MeterUnknown);
    // Names that are not the plan's are bounded; the plan's never lack room.
    let names: Vec<&'static str> =
        (0..31).map(|number| &*Box::leak(format!("other-{number}").into_boxed_str())).collect();
    for name in &names[..30] {
        assert!(matches!(it.merchant_adds(name, 1).await, Counted::Counters(_)), "{name}");
    }
    assert_eq!(it.merchant_adds(names[30], 1).await, Counted::TooManyMeters);
    it.counts("c runs 1").await;
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_are_forgotten_after_five_weeks_and_totals_never(#[case] backend: Backend) {
    let it = Metered::start(backend).await;
    it.counts("a runs 1").await;
    let forget = async || it.app.write(|tx, ctx| retention::forget(tx, ctx, 30)).await.reports;
    it.app.pass_days(35);
    assert_eq!(forget().await, 0);
    assert_eq!(it.one("a runs 1").await.0, Became::Repeated);
    it.app.pass(SignedDuration::from_secs(1));
    assert_eq!((forget().await, forget().await), (1, 0));
    assert_eq!((it.total("runs").await, it.shows("runs").await), (10_000, "1 19".to_owned()));
    it.counts("a runs 1").await;
    assert_eq!(it.total("runs").await, 20_000);
}
