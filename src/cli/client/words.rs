//! What the client tells people, in the product's two languages. Scripts read exit codes and `--json`.

use std::env;

use crate::base::text::Language;

/// The language of this process's user, by the first of the usual variables that is set.
pub fn language() -> Language {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().find_map(set);
    if locale.is_some_and(|locale| locale.starts_with("zh")) { Language::Zh } else { Language::En }
}

/// One of two.
pub fn pick<'a>(language: Language, zh: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Zh => zh,
        Language::En => en,
    }
}

/// What a reason means and what to do; a reason that a newer service has is shown by its name.
pub fn reason(reason: &str, language: Language) -> String {
    let (zh, en) = match reason {
        "license_malformed" => ("许可证输入有误，请重新核对", "the license was typed or copied wrong: check it"),
        "license_not_found" => ("该服务没有此许可证", "the service does not know this license"),
        "product_mismatch" => ("许可证属于其他产品", "the license is for another product"),
        "license_released" => ("许可证已终止，请重新购买", "the license has ended for good: buy a new one"),
        "license_frozen" => {
            ("许可证已冻结，请续费或联系商家", "the license is suspended: renew it, or ask the merchant")
        }
        "license_expired" => ("许可证已到期，请续费", "the license is over: renew it"),
        "code_revoked" => {
            ("此许可证码已作废，请使用最新的许可证码", "this license code was revoked: use the newest one")
        }
        "not_redeemed" => (
            "此授权码尚未兑换，请先激活或在许可证页面输入",
            "this code of the marketplace was not redeemed yet: activate with it",
        ),
        "version_not_allowed" => ("许可证不包含此软件版本", "the license does not cover this version of the software"),
        "feature_missing" => ("许可证不包含此功能", "the license does not have this feature"),
        "device_mismatch" => ("许可证绑定了其他设备", "the license is bound to another device"),
        "machine_unknown" => ("本机没有席位，请重新激活", "this machine has no seat: activate it"),
        "machine_mismatch" => {
            ("此激活属于其他机器，请激活本机", "the activation belongs to another machine: activate this one")
        }
        "machine_limit" => ("席位已全部占用，请先释放一个", "all seats are taken: free one first"),
        "lease_ended" => {
            ("租约已结束，席位已归还，请重新激活", "the lease ended and the seat went back: activate again")
        }
        "meter_unknown" => ("此方案没有该计量项", "the plan has no such meter"),
        "report_conflict" => {
            ("此编号已用于其他上报，请换一个编号", "the id was used for another report: take another one")
        }
        "report_limit" => (
            "今日上报次数过多，未计入；请先累加，明日再报",
            "too many reports today, nothing was counted: add up first, and report tomorrow",
        ),
        "usage_limit" => ("超出用量上限，未计入", "it goes beyond the limit: nothing was counted"),
        "lease_over" => (
            "租约和宽限期均已结束，且无法联系服务",
            "the lease and its grace are over, and the service could not be asked",
        ),
        "file_over" => ("许可证文件已到期，请获取新文件", "the license file is over: fetch another"),
        "lease_invalid" => ("本地保存的租约无效，请重新激活", "what is stored does not verify: activate again"),
        other => (other, other),
    };
    pick(language, zh, en).to_owned()
}
