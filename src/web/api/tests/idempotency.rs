//! A write asked for twice.

use super::*;

const ISSUE: &str = "/licenses";

fn wish() -> Value {
    json!({ "product": "atlas", "plan": "team" })
}

impl Api {
    async fn licenses(&self) -> usize {
        self.get("/licenses?limit=100").await.json()["items"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn the_same_request_gets_the_same_answer() {
    let api = Api::start().await;
    let first = api.post_once(ISSUE, wish(), Some("k-1")).await;
    api.clock.advance(SignedDuration::from_hours(1));
    let again = api.post_once(ISSUE, wish(), Some("k-1")).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!(
        (again.text, again.headers["content-type"].clone()),
        (first.text, first.headers["content-type"].clone())
    );
    assert_eq!(api.licenses().await, 1);
    assert_eq!(api.post_once(ISSUE, wish(), Some("k-2")).await.status, 201);
    assert_eq!(api.licenses().await, 2);
}

#[tokio::test]
async fn a_key_belongs_to_one_request_of_one_token() {
    let mut api = Api::start().await;
    let id = api.post_once(ISSUE, wish(), Some("k")).await.json()["license"]["id"].as_str().unwrap().to_owned();
    let other_body = json!({ "product": "atlas", "plan": "solo" });
    for (path, body) in [(ISSUE.to_owned(), other_body), (format!("/licenses/{id}/suspend"), wish())] {
        let answer = api.post_once(&path, body, Some("k")).await;
        assert_eq!(answer.status, 422, "{path}");
    }
    let answer = api.post_once(ISSUE, json!({ "product": "beta", "plan": "team" }), Some("k")).await;
    assert_eq!(answer.problem(), "idempotency-key-reused");
    let bearer = format!("Bearer {}", api.token);
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k")];
    let answer = api.send("POST", &format!("/licenses/{id}/suspend"), &headers, "").await;
    assert_eq!(answer.problem(), "idempotency-key-reused", "another address");
    assert_eq!(api.licenses().await, 1);
    api.token = api.token(&Scope::ALL, None).await;
    let answer = api.post_once(ISSUE, wish(), Some("k")).await;
    assert_eq!((answer.status, answer.header("idempotency-replayed")), (201, ""));
    assert_eq!(api.licenses().await, 2);
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let api = Api::start().await;
    let id = "0193f3a8-2c4d-7e10-9b1a-5c0e8d3f7a21";
    let refused = api.post_once(&format!("/licenses/{id}/suspend"), json!({}), Some("k")).await;
    assert_eq!(refused.status, 404);
    let done = api.post_once(ISSUE, wish(), Some("k")).await;
    assert_eq!((done.status, done.header("idempotency-replayed")), (201, ""));
}

#[tokio::test]
async fn keys_have_1_to_255_visible_characters() {
    let api = Api::start().await;
    for key in ["", "a b", "schlüssel", &"k".repeat(256)] {
        let answer = api.post_once(ISSUE, wish(), Some(key)).await;
        assert_eq!((answer.status, answer.problem().as_str()), (400, "malformed"), "{key:?}");
    }
    let bearer = format!("Bearer {}", api.token);
    let twice = [("authorization", bearer.as_str()), ("idempotency-key", "a"), ("idempotency-key", "b")];
    assert_eq!(api.send("POST", ISSUE, &twice, "{}").await.status, 400);
    assert_eq!(api.licenses().await, 0);
    assert_eq!(api.post_once(ISSUE, wish(), Some(&"~".repeat(255))).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_16_equal_requests_at_once_one_is_carried_out() {
    let api = Arc::new(Api::start().await);
    let tasks: Vec<_> = (0..16)
        .map(|_| {
            let api = Arc::clone(&api);
            tokio::spawn(async move { api.post_once(ISSUE, wish(), Some("race")).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert!(answers.iter().all(|answer| answer.status == 201 && answer.text == answers[0].text));
    assert_eq!(answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count(), 1);
    assert_eq!(api.licenses().await, 1);
}

#[tokio::test]
async fn the_database_holds_no_usable_answer() {
    let api = Api::start().await;
    let issued = api.post_once(ISSUE, wish(), Some("k")).await.json();
    let code = issued["license_code"].as_str().unwrap();
    let key = issued["license_key"].as_str().unwrap();
    let remembered = |tx: &mut crate::store::Tx, _: crate::usecase::Context<'_>| {
        let token = tx.token_list()?[0].id;
        Ok(tx.idempotency_find(token, "k")?.expect("it was remembered").body)
    };
    let body = api.app.read::<_, Failure, _>(Actor::Signet, remembered).await.unwrap();
    let clear = data_encoding::BASE64.decode(body.as_bytes()).expect("base64");
    assert!(!clear.windows(5).any(|part| part == &key.as_bytes()[..5] || part == b"licen"));
    // Everything the engine wrote, the log ahead of the file included.
    let files =
        std::fs::read_dir(api.dir.path()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    for file in files {
        let bytes = std::fs::read(file).unwrap();
        let signature = code.rsplit('.').next().unwrap().as_bytes();
        let bare = key.replace('-', "");
        for secret in [signature, key.as_bytes(), bare.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret));
        }
    }
}
