//! Why a deployment does not go on, in both languages.

use crate::{base::text::Wording, license::activation::Reason};

/// Why a license permits no deployment.
pub fn license(reason: Reason) -> Wording {
    let (zh, en) = match reason {
        Reason::LicenseReleased => ("许可证已终止", "the license has ended for good"),
        Reason::LicenseFrozen => ("许可证已被冻结", "the license is frozen"),
        Reason::LicenseExpired => ("许可证已到期", "the license has expired"),
        Reason::MachineLimit => {
            ("许可证的名额已用完：请先释放一台机器", "all seats of the license are taken: free one first")
        }
        other => {
            let other = other.as_str();
            return Wording::both(
                format!("许可证当前不允许使用（{other}）"),
                format!("the license does not permit it ({other})"),
            );
        }
    };
    Wording::both(zh, en)
}

/// What a reason of the bootstrap means, what to do, and how long the machine waits for it ([`super::machine`]).
pub fn machine(reason: &str) -> Wording {
    let (zh, en) = meaning(reason);
    Wording::both(
        format!("{zh}。服务器会等待“继续”三小时；之后还须在服务器上重新运行启动脚本"),
        format!("{en}. It waits three hours for a resume; later, its script must be run again there as well"),
    )
}

fn meaning(reason: &str) -> (&'static str, &'static str) {
    match reason {
        "digest" => (
            "下载的内容与发布的不一致：没有运行其中任何部分。请联系软件商",
            "what was downloaded is not what was published: nothing of it was run. Ask the merchant",
        ),
        "signature" => (
            "软件包的签名验证不通过：没有运行其中任何部分。请联系软件商",
            "the package's signature does not verify: nothing of it was run. Ask the merchant",
        ),
        "network" => (
            "服务器无法访问本服务：请检查子网的出口，然后继续",
            "the machine could not reach this service: check its subnet's way out, then resume",
        ),
        "disk_full" => (
            "服务器的磁盘已满：请删除部署，重新选择更大的磁盘",
            "the machine's disk is full: remove the deployment and choose a larger disk",
        ),
        "tools" => (
            "服务器缺少安装所需的程序：请查看日志，或换一个镜像",
            "the machine lacks a program that the installation needs: see the log, or choose another image",
        ),
        "install" => (
            "软件包自身的安装失败：请查看日志后继续，或联系软件商",
            "the package's own installation failed: see the log, then resume or ask the merchant",
        ),
        "license" => ("服务器没有得到许可证的名额：请查看日志", "the machine got no seat of the license: see the log"),
        "health" => (
            "软件已安装，但没有按时就绪：请查看日志",
            "the software was installed but did not become healthy in time: see the log",
        ),
        "expired" => (
            "软件包清单已过期：软件商需要重新发布",
            "the package's manifest has expired: the merchant must publish it anew",
        ),
        _ => ("服务器停止了安装：请查看日志", "the machine stopped: see the log"),
    }
}
