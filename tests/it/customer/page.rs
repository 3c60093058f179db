//! What the page says.

use super::{Visitor, with_license};
use crate::harness::Backend;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_speaks_the_browsers_language_until_another_is_chosen() {
    let (app, _, _, key) = with_license(Backend::Sqlite).await;
    let mut visitor = Visitor::new(&app);
    assert!(visitor.enter(&key).await.contains("<html lang=\"en\">"));
    visitor.headers = vec![("Accept-Language", "fr, zh-TW;q=0.9, en;q=0.8".to_owned())];
    assert!(visitor.page().await.contains("<html lang=\"zh-CN\">"));
    let answer = visitor.get("/license?lang=en").await;
    let cookie = answer.header("Set-Cookie").unwrap();
    assert_eq!(cookie, "signet_lang=en; Path=/; Max-Age=31536000; SameSite=Lax; Secure");
    assert!(visitor.page().await.contains("<html lang=\"en\">"), "it is remembered");
    visitor.get("/l?lang=zh").await;
    assert!(visitor.page().await.contains("<html lang=\"zh-CN\">"));
    for nonsense in ["/license?lang=fr", "/license?lang=", "/license?lang=zh&lang=en"] {
        let answer = visitor.get(nonsense).await;
        assert_eq!((answer.status, answer.header("Set-Cookie")), (200, None), "{nonsense}");
    }
}
