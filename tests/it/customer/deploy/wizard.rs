//! The steps.

use jiff::SignedDuration;
use signet::provision::run::Status;

use super::{
    super::{Visitor, text},
    Form, PASSWORD, SECRET, Service, begun, location, steps, to_review,
};
use crate::harness::Answer;

/// Names and values of fields.
type Values = &'static [(&'static str, &'static str)];

/// Walks until the step is shown.
async fn until(step: &str, visitor: &mut Visitor<'_>) -> Form {
    let mut form = Form::of(&visitor.get("/license/deploy").await);
    for typed in steps() {
        if form.get("step") == step {
            break;
        }
        form = form.typed(typed).send(visitor).await;
    }
    assert_eq!(form.get("step"), step);
    form
}

fn at(answer: &Answer, step: &str) -> Form {
    let form = Form::of(answer);
    assert_eq!(form.get("step"), step, "{}", form.page);
    form
}

#[tokio::test]
async fn the_whole_way_ends_healthy() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    assert!(visitor.page().await.contains("href=\"/license/deploy\""));
    let review = to_review(&mut visitor).await;
    for expected in ["Atlas 1.4.0", "sim.small", "front-1", "0.02 XTS", "40 GiB", "5 Mbit/s", "Meadow &#60;b&#62;"] {
        assert!(review.page.contains(expected), "{expected}: {}", review.page);
    }
    let answer = review.answer(&mut visitor).await;
    let id = service.deployment().await.id;
    assert_eq!((answer.status, location(&answer)), (303, &*format!("/license/deployments/{id}")));

    let page = text(&visitor.get(&format!("/license/deployments/{id}")).await);
    assert!(page.contains("Under way") && page.contains("<noscript><meta http-equiv=\"refresh\""), "{page}");
    service.work_until(Status::Healthy).await;
    let page = text(&visitor.get(&format!("/license/deployments/{id}")).await);
    for expected in
        ["The software runs", "http://203.0.113.10:8080/", "admin of Meadow &#60;b&#62;", "Simulated", "-disk"]
    {
        assert!(page.contains(expected), "{expected}: {page}");
    }
    assert!(!page.contains("http-equiv=\"refresh\"") && !page.contains("data-events"), "{page}");
    assert!(visitor.page().await.contains(&format!("/license/deployments/{id}")));
}

/// The language switch once led back to the first step, and everything was to be typed anew.
#[tokio::test]
async fn regression_the_language_changes_in_the_middle_of_the_wizard() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let form = until("system", &mut visitor).await.typed(&[("name", "mine-7"), ("disk", "55")]);
    assert!(!form.page.contains("href=\"/license/deploy?lang"), "{}", form.page);
    let button = form.page.split("<button").find(|it| it.contains("?lang=zh\"")).unwrap();
    let named = |name: &str| button.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap().to_owned();
    assert_eq!((named("form"), named("name")), ("wizard".to_owned(), "to".to_owned()));
    let mut fields: Vec<(&str, &str)> = form.fields.iter().map(|(name, value)| (&**name, &**value)).collect();
    let value = named("value");
    fields.push(("to", &value));
    let answer = visitor.post(&named("formaction"), &fields).await;
    assert_eq!(answer.status, 200);
    let form = at(&answer, "system");
    assert!(form.page.contains("<html lang=\"zh-CN\">"), "{}", form.page);
    assert_eq!((form.get("name"), form.get("disk")), ("mine-7", "55"));
    let next = form.send(&mut visitor).await;
    assert_eq!(next.get("step"), "network");
    assert!(next.page.contains("<html lang=\"zh-CN\">"), "it is remembered");
}

/// No page holds what was typed as a secret, and the database neither.
#[tokio::test]
async fn secrets_stay_sealed() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let mut form = Form::of(&visitor.get("/license/deploy").await);
    for typed in steps() {
        form = form.typed(typed).send(&mut visitor).await;
        for secret in [SECRET, PASSWORD, "canary-wizard-token", "$6$"] {
            assert!(!form.page.contains(secret), "{secret}: {}", form.page);
        }
    }
    assert!(form.get("keys").len() > 100 && form.get("hash").len() > 100);
}

/// A form's sealed fields mean nothing in another session.
#[tokio::test]
async fn what_is_sealed_opens_in_its_session_only() {
    let service = Service::start().await;
    let mut first = service.visitor().await;
    let mut second = service.visitor().await;
    let form = until("server", &mut first).await;
    let other = Form::of(&second.get("/license/deploy").await);
    let taken = form.typed(&[("form", other.get("form"))]);
    let page = at(&taken.press("again", &mut second).await, "credentials").page;
    assert!(page.contains("Enter the credentials again"), "{page}");
}

#[tokio::test]
async fn wrong_credentials_are_told_where_they_were_typed() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let form = until("credentials", &mut visitor).await;
    let typed = [("access_key", "AK-7"), ("secret_key", "wrong-one")];
    let answer = form.typed(&typed).answer(&mut visitor).await;
    assert_eq!(answer.status, 422);
    let form = at(&answer, "credentials");
    assert_eq!(form.get("access_key"), "AK-7", "what is no secret is not typed again");
    for expected in ["Simulated.AuthFailure", "simulated-request", "Check that access key and secret"] {
        assert!(form.page.contains(expected), "{expected}: {}", form.page);
    }
    assert!(!form.page.contains("wrong-one"));
}

#[tokio::test]
async fn what_cannot_be_chosen_is_refused_all_the_same() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let form = until("server", &mut visitor).await;
    assert_eq!(form.get("flavor"), "sim.small", "the first that fits");
    for (flavor, why) in [("sim.large", "Sold out"), ("sim.tiny", "Too little memory"), ("sim.arm", "processor")] {
        let row = form.page.split(&format!("value=\"{flavor}\"")).nth(1).unwrap().split("</label>").next().unwrap();
        assert!(row.contains(" disabled") && row.contains(why), "{flavor}: {row}");
        let answer = form.clone().typed(&[("flavor", flavor)]).answer(&mut visitor).await;
        assert_eq!(answer.status, 422);
        let page = at(&answer, "server").page;
        assert!(page.contains("role=\"alert\"") && page.contains(&format!("{flavor}: ")), "{page}");
    }
    assert!(service.deployments().await.is_empty());
}

#[tokio::test]
async fn values_that_will_not_do_are_named() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let wrongs: [(&str, Values, &str); 10] = [
        ("where", &[("cloud", "moon")], "cloud"),
        ("credentials", &[("access_key", "a b"), ("secret_key", "x")], "secret_key"),
        ("system", &[("disk", "19")], "disk"),
        ("system", &[("name", "-x")], "name"),
        ("system", &[("image", "sim-euler")], "image"),
        ("network", &[("subnet", "sim-full")], "subnet"),
        ("network", &[("group", "sim-sealed")], "group"),
        ("network", &[("mbit", "0")], "mbit"),
        ("access", &[("password", "short"), ("password_again", "short"), ("p_SITE_NAME", "x")], "password"),
        ("access", &[("password", PASSWORD), ("password_again", "other"), ("p_SITE_NAME", "x")], "password"),
    ];
    for (step, typed, field) in wrongs {
        let form = until(step, &mut visitor).await;
        let answer = form.typed(typed).answer(&mut visitor).await;
        assert_eq!(answer.status, 422, "{step} {typed:?}");
        let page = at(&answer, step).page;
        assert!(page.contains("role=\"alert\""), "{step} {typed:?}: {page}");
        if !["cloud"].contains(&field) {
            let tag = page.split("<input").find(|tag| tag.contains(&format!("name=\"{field}\""))).unwrap();
            assert!(tag.contains("aria-invalid"), "{field}: {tag}");
        }
    }
}

/// A question without an answer sends its step back, with all else kept.
#[tokio::test]
async fn a_question_without_an_answer_is_asked_again() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let form = until("access", &mut visitor).await;
    let typed = [("password", PASSWORD), ("password_again", PASSWORD), ("p_SITE_NAME", "")];
    let answer = form.typed(&typed).answer(&mut visitor).await;
    let form = at(&answer, "access");
    assert!(form.page.contains("SITE_NAME"), "{}", form.page);
    assert_eq!(form.get("name"), "front-1");
}

#[tokio::test]
async fn credentials_are_forgotten_after_half_an_hour_and_nothing_else_is() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let review = to_review(&mut visitor).await;
    service.app.pass(SignedDuration::from_mins(31));
    let answer = review.answer(&mut visitor).await;
    assert_eq!(answer.status, 422);
    let form = at(&answer, "credentials");
    assert!(form.page.contains("Enter the credentials again"), "{}", form.page);
    assert_eq!((form.get("flavor"), form.get("name")), ("sim.small", "front-1"));
    assert!(service.deployments().await.is_empty());
}

#[tokio::test]
async fn credentials_are_for_the_place_they_were_typed_for() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let form = until("server", &mut visitor).await;
    let answer = form.typed(&[("region-simulated", "elsewhere")]).press("again", &mut visitor).await;
    at(&answer, "credentials");
}

#[tokio::test]
async fn back_loses_nothing() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let review = to_review(&mut visitor).await;
    let access = at(&review.press("back", &mut visitor).await, "access");
    assert!(access.page.contains("A password was entered"), "{}", access.page);
    assert_eq!(access.get("p_SITE_NAME"), "Meadow <b>");
    let system =
        at(&at(&access.press("back", &mut visitor).await, "network").press("back", &mut visitor).await, "system");
    assert_eq!(system.get("name"), "front-1");
    let mut form = system.typed(&[("name", "front-2")]);
    for _ in 0..3 {
        form = form.send(&mut visitor).await;
    }
    assert!(form.page.contains("front-2"), "{}", form.page);
}

/// Two clicks on Go, one after the other or at once, are one deployment.
#[tokio::test]
async fn pressing_go_twice_is_one_deployment() {
    let service = Service::start().await;
    let (mut visitor, mut again) = (service.visitor().await, Visitor::new(&service.app));
    let review = to_review(&mut visitor).await;
    again.cookies.clone_from(&visitor.cookies);
    let (first, second) = tokio::join!(review.answer(&mut visitor), review.answer(&mut again));
    assert_eq!((first.status, second.status), (303, 303), "{} {}", text(&first), text(&second));
    assert_eq!(location(&first), location(&second));
    service.deployment().await;
}

#[tokio::test]
async fn a_form_of_another_session_does_nothing() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let review = to_review(&mut visitor).await;
    let answer = review.clone().typed(&[("form", "AAAAAAAAAAAAAAAAAAAAAA")]).answer(&mut visitor).await;
    assert_eq!(answer.status, 403);
    assert!(text(&answer).contains("out of date"));
    visitor.headers.push(("Sec-Fetch-Site", "cross-site".to_owned()));
    assert_eq!(review.answer(&mut visitor).await.status, 403);
    assert!(service.deployments().await.is_empty());
}

#[tokio::test]
async fn a_server_of_ones_own_gets_a_script() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let form = Form::of(&visitor.get("/license/deploy").await).typed(&[("cloud", "own")]);
    let access = form.send(&mut visitor).await;
    assert_eq!(access.get("step"), "access");
    assert!(!access.page.contains("name=\"login\""), "{}", access.page);
    let review = access.typed(&[("p_SITE_NAME", "x")]).send(&mut visitor).await;
    assert_eq!(review.answer(&mut visitor).await.status, 303);
    let path = format!("/license/deployments/{}", service.deployment().await.id);
    let page = text(&visitor.get(&path).await);
    assert!(page.contains("being prepared"), "no worker runs here: {page}");
    assert!(page.contains("Install the software") && !page.contains("Make the server"), "it is there already: {page}");
    let script = visitor.get(&format!("{path}/script")).await;
    assert_eq!(script.status, 200);
    assert!(text(&script).starts_with("#!/bin/sh"), "{}", text(&script));
    let page = text(&visitor.get(&path).await);
    let (_, rest) = page.split_once("<code id=\"own-command\">").expect("it is prepared now");
    let command = rest.split_once("</code>").unwrap().0;
    let token = command.split(['=', ' ']).nth(2).unwrap();
    assert!(command.ends_with("/api/v1/bootstrap/script | sudo sh"), "{command}");
    assert!(page.contains("sudo sh signet-atlas.sh") && page.contains(&format!("{path}/script")), "{page}");
    assert!(text(&script).contains(&format!("TOKEN='{token}'")), "{command}");
}

#[tokio::test]
async fn without_a_package_nothing_begins() {
    let service = Service::start_with(false).await;
    let mut visitor = service.visitor().await;
    let form = until("access", &mut visitor).await;
    let answer = form.typed(steps()[5]).answer(&mut visitor).await;
    assert!(text(&answer).contains("not published yet"), "{}", text(&answer));
}

/// A product without a recipe has no door to the wizard.
#[tokio::test]
async fn without_a_recipe_there_is_no_wizard() {
    let (app, _, _, key) = super::super::with_license(crate::harness::Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    assert!(!visitor.enter(&key).await.contains("/license/deploy"));
    let answer = visitor.get("/license/deploy").await;
    assert_eq!((answer.status, location(&answer)), (303, "/license"));
}

#[tokio::test]
async fn the_wizard_speaks_chinese() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    visitor.headers = vec![("Accept-Language", "zh-CN".to_owned())];
    let id = begun(&service, &mut visitor).await;
    let page = text(&visitor.get(&format!("/license/deployments/{id}")).await);
    assert!(page.contains("正在部署") && page.contains("模拟"), "{page}");
}

/// The box beside the endpoint is what lets a token go there; it stays checked on the way.
#[tokio::test]
async fn a_token_goes_to_an_endpoint_of_ones_own_only_with_the_box_checked() {
    let service = Service::start_at(crate::deploy::endpoints::clouds(), true).await;
    let mut visitor = service.visitor().await;
    let place = [("cloud", "ec2"), ("region-ec2", "us-east-1"), ("endpoint", "http://127.0.0.1:1/")];
    let keys = [("access_key", "AK-7"), ("secret_key", SECRET), ("session_token", "canary-wizard-token")];
    let first = Form::of(&visitor.get("/license/deploy").await);
    assert_eq!(first.get("endpoint_tokens"), "");
    let form = first.clone().typed(&place).send(&mut visitor).await;
    let answer = form.typed(&keys).answer(&mut visitor).await;
    let page = at(&answer, "credentials").page;
    assert!(page.contains("unless that is confirmed") && !page.contains("canary"), "{page}");
    let form = first.typed(&place).typed(&[("endpoint_tokens", "yes")]).send(&mut visitor).await;
    assert_eq!(form.get("endpoint_tokens"), "yes");
    let answer = form.clone().typed(&keys).answer(&mut visitor).await;
    let page = at(&answer, "credentials").page;
    assert!(
        page.contains("role=\"alert\"") && !page.contains("unless that is confirmed"),
        "nobody answers there: {page}"
    );
    let back = form.press("back", &mut visitor).await;
    assert_eq!(at(&back, "where").get("endpoint_tokens"), "yes");
}

/// Somebody entered credentials and walked through all steps before being told that no seat was free.
#[tokio::test]
async fn a_license_without_a_free_seat_says_so_on_the_first_page() {
    let service = Service::start().await;
    let mut visitor = service.visitor().await;
    let sentence = "ll seats of the license are taken";
    assert!(!text(&visitor.get("/license/deploy").await).contains(sentence));
    let mut begun = 0;
    while !text(&visitor.get("/license/deploy").await).contains(sentence) {
        assert_eq!(to_review(&mut visitor).await.answer(&mut visitor).await.status, 303);
        begun += 1;
        assert!(begun < 10, "it never says so");
    }
    assert!(begun > 0);
}
