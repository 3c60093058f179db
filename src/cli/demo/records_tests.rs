use super::*;
use crate::{
    base::{entropy::SeededEntropy, time::Time},
    catalog,
    cli::{open, serve::tests::config},
    license::state::Event,
    marketplace::event::{OrderRef, PlanRef, Purchase, PurchaseAnswer, PurchaseDetails},
    store::Access,
    usecase::{
        change::{self, Change},
        outcome::Outcome,
        purchase,
    },
};

fn id(seed: u64) -> LicenseId {
    LicenseId::new(Time::from(jiff::Timestamp::UNIX_EPOCH), &SeededEntropy::new(seed))
}

fn one(released: bool, subject: Option<LicenseId>) -> Expected {
    Expected { line: "saas-2-0", instance: "i-1".to_owned(), released, subject }
}

#[test]
fn a_wrong_count_a_wrong_state_and_a_foreign_code_are_told() {
    let (own, other) = (id(1), id(2));
    assert_eq!(difference(&one(true, None), &[(own, State::Released)]), None);
    assert_eq!(difference(&one(false, Some(own)), &[(own, State::Active)]), None);
    let says = |expected, found: &[_], words: &str| {
        let text = difference(&expected, found).unwrap();
        assert!(text.contains(words) && text.starts_with("saas-2-0: "), "{text}");
    };
    says(one(true, None), &[], "i-1 should be one license, not 0");
    says(one(true, None), &[(own, State::Released), (other, State::Released)], "one license, not 2");
    says(one(true, None), &[(own, State::Active)], "should be released, not active");
    says(one(true, None), &[(own, State::Frozen)], "should be released, not frozen");
    says(one(false, Some(own)), &[(own, State::Released)], "should be active, not released");
    says(one(false, Some(own)), &[(own, State::Frozen)], "should be active, not frozen");
    says(one(false, Some(other)), &[(own, State::Active)], &format!("is for license {other}"));
}

#[test]
fn what_was_never_answered_is_missed() {
    let all: Vec<_> = Line::ALL.into_iter().map(|line| (line, "i".to_owned())).collect();
    let kept = Kept { instance: "k".to_owned(), subject: Some(id(1)) };
    assert_eq!(missing(&all, Some(&kept)), [] as [&str; 0]);
    assert_eq!(missing(&[], None).len(), Line::ALL.len(), "every line but code 2.0, and the kept license");
    let without = |left: Line| all.iter().filter(|(line, _)| *line != left).cloned().collect::<Vec<_>>();
    assert_eq!(missing(&without(Line::Saas1), Some(&kept)), ["saas-1-0: no instance was answered"]);
    assert_eq!(missing(&without(Line::Code2), Some(&kept)), [] as [&str; 0]);
    assert_eq!(missing(&all, None), ["the license to keep was not answered"]);
    let unsigned = Kept { subject: None, ..kept };
    assert_eq!(missing(&all, Some(&unsigned)), ["the kept license has no code that verifies"]);
}

/// Buys through the sample's channel of `line`, as a call would, and says which license that made.
async fn bought(app: &App, line: Line, order: &str) -> LicenseId {
    let (channel, order) = (line.as_str().parse().unwrap(), order.to_owned());
    let done: Result<LicenseId, Failure> = app
        .write(Actor::CommandLine, move |tx, ctx| {
            let catalog = &ctx.installation.catalog;
            let channel = catalog.channel(&channel).unwrap();
            let products = catalog.catalog().products.iter().filter(|it| channel.products.contains(&it.slug));
            let product_id = products.flat_map(|it| &it.plans).find_map(|plan| plan.product_ids.first());
            let call = Purchase {
                order: OrderRef { order_id: order.clone(), line_id: None },
                business_id: order.clone(),
                plan: PlanRef { product_id: product_id.cloned(), sku_code: None },
                details: Some(PurchaseDetails::default()),
                wants: PurchaseAnswer::LicenseCode,
            };
            let outcome = purchase::purchase(tx, ctx, channel, &call, &[])?;
            assert!(matches!(outcome, Outcome::Purchased(_)), "{outcome:?}");
            Ok(tx.license_by_instance(&channel.slug, &order)?.unwrap().id)
        })
        .await;
    done.unwrap()
}

async fn happen(app: &App, id: LicenseId, event: Event) {
    let done: Result<_, Failure> = app
        .write(Actor::CommandLine, move |tx, ctx| {
            let license = tx.license_for_update(id)?.unwrap();
            change::apply(tx, ctx, license, &Change::new("played", event))
        })
        .await;
    done.unwrap();
}

/// Once the judge looked only at the played instances: the kept license could be gone and its code foreign.
#[tokio::test(flavor = "multi_thread")]
async fn judge_records_looks_at_every_played_license_and_at_the_kept_one() {
    let folder = tempfile::tempdir().unwrap();
    let app = open::open(&config(folder.path(), None), Access::Server).await.unwrap();
    let sample = catalog::parse(super::super::SAMPLE, "sample-catalog.toml", app.public_url()).unwrap();
    open::apply_catalog(&app, sample).await.unwrap();
    let mut instances = Vec::new();
    for line in Line::ALL.into_iter().filter(|line| *line != Line::Code2) {
        let order = format!("CS-{line}");
        let license = bought(&app, line, &order).await;
        if line != Line::Client {
            happen(&app, license, Event::Released).await;
        }
        instances.push((line, order));
    }
    let kept = bought(&app, Line::License1, "CS-KEPT").await;
    let judged = async |subject| {
        let kept = Kept { instance: "CS-KEPT".to_owned(), subject: Some(subject) };
        judge_records(&app, instances.clone(), Some(kept)).await.unwrap()
    };
    let [told] = &judged(kept).await[..] else { panic!("the client's license was not released") };
    assert!(told.starts_with("client: ") && told.contains("should be released, not active"), "{told}");

    let channel: Slug = "client".parse().unwrap();
    let left = app.read(Actor::CommandLine, move |tx, _| Ok(tx.license_by_instance(&channel, "CS-client")?));
    let left: Result<Option<License>, Failure> = left.await;
    happen(&app, left.unwrap().unwrap().id, Event::Released).await;
    assert_eq!(judged(kept).await, [] as [&str; 0]);
    let [foreign] = &judged(id(9)).await[..] else { panic!("a code for another license") };
    assert!(foreign.contains("is for license"), "{foreign}");
    happen(&app, kept, Event::Suspended).await;
    let [frozen] = &judged(kept).await[..] else { panic!("a frozen license was kept") };
    assert!(frozen.contains("should be active, not frozen"), "{frozen}");
    app.store().clone().close().await;
}
