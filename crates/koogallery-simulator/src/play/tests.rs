use super::*;
use crate::{
    report::{self, Style},
    testing::{
        marketplace,
        merchant::{Fault, Merchant},
    },
    verdict::Rule,
};

#[tokio::test]
async fn every_line_lives_its_whole_life() {
    let (url, _) = Merchant::open(Fault::None).await;
    for (line, count) in [(Line::License1, 6), (Line::Code2, 4), (Line::Client, 7), (Line::Saas1, 8), (Line::Saas2, 8)]
    {
        let mut heard = 0;
        let goods = Goods { extensions: vec![("machine".into(), "A&B".into())], ..Goods::of_product("P1") };
        let steps = play(&marketplace(&url, line), &goods, |_| heard += 1).await.unwrap();
        let table = report::steps(&steps, Style::default());
        assert!(steps.iter().all(StepReport::passed), "{table}");
        assert_eq!((steps.len(), heard), (count, count), "{table}");
    }
}

#[tokio::test]
async fn a_new_license_for_the_same_order_is_caught_and_told() {
    let (url, _) = Merchant::open(Fault::NewLicenseOnRepeat).await;
    let steps = play(&marketplace(&url, Line::License1), &Goods::default(), |_| {}).await.unwrap();
    assert_eq!(steps[1].verdict.result(Rule::SameLicense).map(|result| result.seen.as_str()), Some("another license"));
    let table = report::steps(&steps, Style { colour: true, verbose: true });
    assert!(table.contains("\u{1b}[31mFAIL") && table.contains("1 of 6 steps"), "{table}");
    assert!(!table.contains("authToken"), "{table}");
}

#[tokio::test]
async fn nothing_follows_a_purchase_that_failed() {
    let marketplace = marketplace("http://127.0.0.1:9/", Line::Saas2);
    let steps = play(&marketplace, &Goods::default(), |_| {}).await.unwrap();
    assert_eq!(steps.len(), 1);
    assert!(!steps[0].passed());
}
