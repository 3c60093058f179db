//! Names of the things that deployments are made of.

use crate::{
    base::text::Language,
    license::activation::Reason,
    provision::{
        offer::Unfit,
        password::{PasswordError, SPECIAL},
        provider::{ResourceKind, ServerState},
        run::{Goal, LineSource, Stage, Status},
    },
    usecase::deployment::{Deployment, start::Refusal},
    web::html::Words,
};

/// A stage.
pub fn stage(t: Words, stage: Stage) -> &'static str {
    match stage {
        Stage::Preflight => t.pick("检查前提条件", "Check everything first"),
        Stage::Accepted => t.pick("下单", "Order the server"),
        Stage::ServerCreated => t.pick("创建服务器", "Make the server"),
        Stage::BootstrapCalled => t.pick("服务器启动并报到", "Start, and first call home"),
        Stage::Downloading => t.pick("下载并校验软件包", "Download and check the package"),
        Stage::Installing => t.pick("安装软件", "Install the software"),
        Stage::Activating => t.pick("激活许可证", "Activate the license"),
        Stage::Healthy => t.pick("等待软件就绪", "Wait until it is healthy"),
    }
}

/// How a deployment stands: tone, sign, title.
pub fn standing(t: Words, deployment: &Deployment) -> (&'static str, &'static str, &'static str) {
    let removing = deployment.record.goal == Goal::Remove;
    match deployment.record.status {
        Status::Running if removing => ("warn", "…", t.pick("正在删除", "Being removed")),
        Status::Running => ("calm", "…", t.pick("正在部署", "Under way")),
        Status::NeedsCredentials => ("warn", "!", t.pick("需要云凭证", "Credentials are needed")),
        Status::Failed if removing => ("bad", "✕", t.pick("删除失败", "The removal failed")),
        Status::Failed => ("bad", "✕", t.pick("部署失败", "It failed")),
        Status::Kept => ("warn", "!", t.pick("已保留，供检查", "Kept as it is")),
        Status::Healthy => ("good", "✓", t.pick("软件已就绪", "The software runs")),
        Status::Gone => ("bad", "✕", t.pick("服务器已不存在", "The server is gone")),
        Status::Removed => ("plain", "–", t.pick("已删除", "Removed")),
    }
}

/// What is at a cloud.
pub fn resource(t: Words, kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::Server => t.pick("服务器", "Server"),
        ResourceKind::Disk => t.pick("磁盘", "Disk"),
        ResourceKind::Address => t.pick("公网 IP", "Public address"),
    }
}

/// What a server does.
pub fn server(t: Words, state: Option<ServerState>) -> &'static str {
    match state {
        Some(ServerState::Building) => t.pick("正在创建", "It is being made"),
        Some(ServerState::Running) => t.pick("服务器正在运行", "The server runs"),
        Some(ServerState::Stopped) => t.pick("服务器已关机", "The server is stopped"),
        Some(ServerState::Gone) => t.pick("服务器已不存在", "The server is gone"),
        Some(ServerState::Broken) => t.pick("服务器处于故障状态", "The server is broken"),
        None => t.pick("没有查到结果", "Nothing was found out"),
    }
}

/// Who speaks.
pub fn source(t: Words, source: LineSource) -> &'static str {
    match source {
        LineSource::Signet => "signet",
        LineSource::Cloud => t.pick("云", "cloud"),
        LineSource::Machine => t.pick("服务器", "server"),
    }
}

/// Why something cannot be chosen.
pub fn unfit(t: Words, why: Unfit) -> &'static str {
    match why {
        Unfit::TooFewVcpus => t.pick("处理器太少", "Too few processors"),
        Unfit::TooLittleMemory => t.pick("内存太小", "Too little memory"),
        Unfit::SoldOut => t.pick("已售罄", "Sold out"),
        Unfit::Retired => t.pick("已停售", "No longer sold"),
        Unfit::Architecture => t.pick("软件不支持这种处理器", "The software does not run on this processor"),
        Unfit::System => t.pick("软件不支持这个系统", "The software does not run on this system"),
        Unfit::NoDhcp => t.pick("未启用 DHCP，服务器无法完成部署", "Without DHCP a server cannot be set up"),
        Unfit::NoAddress => t.pick("没有空闲的 IP 地址", "No address is free in it"),
        Unfit::NoWayOut => {
            t.pick("不允许出方向访问，服务器无法完成部署", "Lets nothing out: no server can be set up in it")
        }
        Unfit::OtherZone => t.pick("属于另一个可用区", "It belongs to another zone"),
    }
}

/// `4096` as `4 GiB`.
pub fn memory(mib: u32) -> String {
    match mib {
        mib if mib % 1024 == 0 => format!("{} GiB", mib / 1024),
        mib if mib > 1024 => format!("{:.1} GiB", f64::from(mib) / 1024.0),
        mib => format!("{mib} MiB"),
    }
}

/// `95` as `1:35`.
pub fn clock(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
        (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
    }
}

/// What is wrong with a password.
pub fn password(t: Words, error: PasswordError) -> String {
    match (t.0, error) {
        (Language::Zh, PasswordError::Length) => "密码必须有 8 到 26 个字符。".to_owned(),
        (Language::Zh, PasswordError::Character) => format!("密码只能包含英文字母、数字和 {SPECIAL} 中的符号。"),
        (Language::Zh, PasswordError::Simple) => {
            format!("密码至少要包含以下四类中的三类：小写字母、大写字母、数字、{SPECIAL} 中的符号。")
        }
        (Language::Zh, PasswordError::Name) => "密码不能包含用户名 root 或它的倒写。".to_owned(),
        (Language::En, error) => sentence(&error.to_string()),
    }
}

/// Why nothing is deployed.
pub fn refusal(t: Words, refusal: &Refusal) -> String {
    if t.0 == Language::En {
        return sentence(&refusal.to_string());
    }
    match refusal {
        Refusal::License(reason) => license(*reason).to_owned(),
        Refusal::NoRecipe => "软件商还没有为这个产品准备部署方案。".to_owned(),
        Refusal::NoPackage => "这个产品的软件包还没有发布，请联系软件商。".to_owned(),
        Refusal::TooMany(open) => format!("这个许可证已有 {open} 个未删除的部署，请先删除一个。"),
        Refusal::Answer { name, .. } => format!("参数“{name}”缺失或取值不允许。"),
        Refusal::Unfit(why) => format!("这台服务器不符合软件的要求（{why}）。"),
        Refusal::Script(_) => "部署方案加上所填的参数超出了启动脚本的长度上限，请联系软件商精简部署方案。".to_owned(),
        Refusal::Mismatch(_) => "缺少服务器的选择或云凭证，请返回补充。".to_owned(),
    }
}

/// Why a license that was good does not hold any more.
pub fn ended(t: Words, reason: Reason) -> &'static str {
    match reason {
        Reason::LicenseReleased => t.pick("许可证已终止。", "The license has ended for good."),
        Reason::LicenseFrozen => t.pick("许可证已被冻结。", "The license is frozen."),
        Reason::LicenseExpired => t.pick("许可证已到期。", "The license has expired."),
        _ => t.pick("许可证当前不允许使用。", "The license does not permit it now."),
    }
}

fn license(reason: Reason) -> &'static str {
    match reason {
        Reason::LicenseReleased => "许可证已终止，不能再部署。",
        Reason::LicenseFrozen => "许可证已被冻结，暂时不能部署。",
        Reason::LicenseExpired => "许可证已到期，请先续费。",
        Reason::MachineLimit => "许可证的名额已用完，请先释放一台机器。",
        _ => "许可证当前不允许部署。",
    }
}

/// With a capital letter and a full stop, which is wide behind wide letters: on a Chinese page stand clouds' English words too.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    // Names such as `s6.large.2` stay as they are.
    let is_word = text.split([' ', ',']).next().is_some_and(|word| word.chars().all(|it| it.is_ascii_alphabetic()));
    let first = letters.next().map(|it| if is_word { it.to_ascii_uppercase() } else { it });
    let stop = if text.contains(is_wide) { '。' } else { '.' };
    let end = if text.ends_with(['.', '!', '?', '。', '！', '？']) { None } else { Some(stop) };
    first.into_iter().chain(letters).chain(end).collect()
}

fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{3000}'..='\u{9fff}' | '\u{ff00}'..='\u{ffef}')
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn sentences_end_in_their_languages_full_stop() {
        for (said, shown) in [
            ("the disk is full", "The disk is full."),
            ("is it?", "Is it?"),
            ("s6.large.2 is sold out", "s6.large.2 is sold out."),
            ("磁盘已满", "磁盘已满。"),
            ("无法连接 ecs.example.com（timeout）", "无法连接 ecs.example.com（timeout）。"),
            ("磁盘已满。", "磁盘已满。"),
            ("", "."),
        ] {
            assert_eq!(sentence(said), shown);
        }
    }
}
