//! The words of each letter, in both languages.

use crate::base::{text::Language, time::Time};

use super::{Facts, Kind, Sheet};

pub(super) fn sheet(kind: Kind, language: Language, facts: &Facts) -> Sheet {
    let zh = language == Language::Zh;
    let pick = |zh_text: &'static str, en: &'static str| if zh { zh_text } else { en };
    let (product, plan) = (facts.product.get(language), facts.plan.get(language));
    let ends = facts.expires_at.map(|at| day(language, at));
    let (subject, paragraphs) = match language {
        Language::Zh => chinese(kind, product, ends.as_deref(), facts.days_left),
        Language::En => english(kind, product, ends.as_deref(), facts.days_left),
    };
    let mut rows = Vec::new();
    if kind.is_to_the_merchant() {
        rows.extend(facts.trouble.iter().map(|(name, value)| (trouble_name(language, name), value.clone())));
    } else {
        rows.push((pick("产品", "Product"), format!("{product} · {plan}")));
        rows.push((pick("许可证", "License"), facts.license.clone()));
        rows.push((pick("到期", "Ends"), ends.unwrap_or_else(|| pick("永久有效", "never").to_owned())));
        if let Some(support) = &facts.support {
            rows.push((pick("技术支持", "Support"), support.clone()));
        }
    }
    let has_page = !kind.is_to_the_merchant() && kind != Kind::LicenseReleased;
    let link = has_page.then(|| (pick("打开许可证页面", "Open the page of your license"), facts.page.clone()));
    let closing = if kind.is_to_the_merchant() {
        pick("此邮件由 Signet 自动发送。", "This mail was sent by Signet on its own.")
    } else {
        pick(
            "打开上面的链接即可查看授权码和密钥，请勿转发。如不想再收到邮件，可在许可证页面上删除您的邮箱。",
            "Whoever opens the link sees the license code and the key: do not pass this mail on. To get no more mail, take \
             your address away on that page.",
        )
    };
    Sheet {
        language,
        subject,
        paragraphs,
        rows,
        link,
        closing: if has_page || kind.is_to_the_merchant() { closing.to_owned() } else { String::new() },
    }
}

fn chinese(kind: Kind, product: &str, ends: Option<&str>, days: i64) -> (String, Vec<String>) {
    let until = ends.map(|ends| format!("，有效期至 {ends}")).unwrap_or_default();
    let (subject, text) = match kind {
        Kind::LicenseDelivered => (
            format!("您的 {product} 许可证已开通"),
            format!("感谢购买。您的 {product} 许可证已开通{until}。在许可证页面可以查看授权码、激活机器和部署软件。"),
        ),
        Kind::LicenseExpiring => (
            format!("您的 {product} 许可证将在 {days} 天内到期"),
            format!(
                "您的 {product} 许可证将在 {days} 天内到期{until}。如需继续使用，请在到期前续费；到期后软件会停止工作。"
            ),
        ),
        Kind::LicenseRenewed => {
            (format!("您的 {product} 许可证已续期"), format!("您的 {product} 许可证已续期{until}。无需其他操作。"))
        }
        Kind::LicenseReleased => (
            format!("您的 {product} 许可证已终止"),
            format!("您的 {product} 许可证已终止，软件将停止工作。如有疑问，请联系技术支持。"),
        ),
        Kind::DeploymentDone => {
            (format!("{product} 已部署完成"), format!("{product} 已部署完成并正常运行。访问方式见许可证页面。"))
        }
        Kind::CallFailing => (
            "云商店调用失败".to_owned(),
            "与云商店之间的一次调用失败，需要您处理。一小时内的其他失败不再另发邮件，请查看全部告警。".to_owned(),
        ),
    };
    (subject, vec![text])
}

fn english(kind: Kind, product: &str, ends: Option<&str>, days: i64) -> (String, Vec<String>) {
    let until = ends.map(|ends| format!(", good until {ends}")).unwrap_or_default();
    let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
    let (subject, text) = match kind {
        Kind::LicenseDelivered => (
            format!("Your license for {product} is here"),
            format!(
                "Thank you. Your license for {product} is here{until}. Its page shows the license code, activates machines and \
                 deploys the software."
            ),
        ),
        Kind::LicenseExpiring => (
            format!("Your license for {product} ends within {days}"),
            format!(
                "Your license for {product} ends within {days}{}. Renew it before then if you want to go on: the software \
                 stops after its end.",
                ends.map(|ends| format!(", on {ends}")).unwrap_or_default()
            ),
        ),
        Kind::LicenseRenewed => (
            format!("Your license for {product} was renewed"),
            format!("Your license for {product} was renewed{until}. There is nothing to do."),
        ),
        Kind::LicenseReleased => (
            format!("Your license for {product} has ended"),
            format!("Your license for {product} has ended for good, and the software stops. Ask support if you did not expect that."),
        ),
        Kind::DeploymentDone => (
            format!("{product} is deployed"),
            format!("{product} is deployed and runs. The page of your license says where."),
        ),
        Kind::CallFailing => (
            "A call from or to the marketplace failed".to_owned(),
            "A call from or to the marketplace failed, and somebody must look at it. Others within the next hour bring no mail \
             of their own: look at all alerts."
                .to_owned(),
        ),
    };
    (subject, vec![text])
}

fn trouble_name(language: Language, name: &str) -> &'static str {
    let (zh, en) = match name {
        "kind" => ("告警", "Alert"),
        "channel" => ("渠道", "Channel"),
        "order" => ("订单", "Order"),
        "license" => ("许可证", "License"),
        _ => ("原因", "Why"),
    };
    if language == Language::Zh { zh } else { en }
}

/// The day, as its calendar has it in China, where the marketplace is.
fn day(language: Language, at: Time) -> String {
    let date = at.saturating_add(jiff::SignedDuration::from_hours(8)).civil().date();
    match language {
        Language::Zh => format!("{} 年 {} 月 {} 日", date.year(), date.month(), date.day()),
        Language::En => date.strftime("%-d %B %Y").to_string(),
    }
}
