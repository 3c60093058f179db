//! What the pages know of each cloud: its name, its regions, and the rights that a deployment needs there.

use crate::{provision::plan::Cloud, web::html::Words};

/// A cloud's name.
pub fn name(t: Words, cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Huawei => t.pick("华为云", "Huawei Cloud"),
        Cloud::Ec2 => t.pick("AWS 及兼容 EC2 的云", "AWS, and clouds that speak EC2"),
        Cloud::Simulated => t.pick("模拟云", "Simulated cloud"),
        Cloud::Own => t.pick("我自己的服务器", "A server I have already"),
    }
}

/// What it is, in a sentence.
pub fn about(t: Words, cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Huawei => t.pick(
            "在您的华为云账号里新建一台弹性云服务器（ECS），费用由华为云向您收取。",
            "Makes a server (ECS) in your Huawei Cloud account. Huawei Cloud bills you for it.",
        ),
        Cloud::Ec2 => t.pick(
            "在您的账号里新建一台云服务器（实例），费用由云服务商向您收取。",
            "Makes an instance in your account. The cloud bills you for it.",
        ),
        Cloud::Simulated => t.pick(
            "仅供试用：不会创建任何真实的服务器，也不收费。",
            "For trying things out: no real server is made, and nothing is paid for.",
        ),
        Cloud::Own => t.pick(
            "任何能访问互联网的 Linux 服务器：在上面运行一条命令即可，无需云账号。",
            "Any Linux server that reaches the internet: you run one command on it. No cloud account is needed.",
        ),
    }
}

/// The form's field for its region.
pub fn region_field(cloud: Cloud) -> Option<&'static str> {
    match cloud {
        Cloud::Huawei => Some("region-huawei"),
        Cloud::Ec2 => Some("region-ec2"),
        Cloud::Simulated => Some("region-simulated"),
        Cloud::Own => None,
    }
}

/// Names of regions, as Huawei Cloud's console has them; the id stands for all others.
const HUAWEI: [(&str, &str, &str); 16] = [
    ("cn-north-4", "华北-北京四", "CN North-Beijing4"),
    ("cn-north-1", "华北-北京一", "CN North-Beijing1"),
    ("cn-north-9", "华北-乌兰察布一", "CN North-Ulanqab1"),
    ("cn-east-2", "华东-上海二", "CN East-Shanghai2"),
    ("cn-east-3", "华东-上海一", "CN East-Shanghai1"),
    ("cn-south-1", "华南-广州", "CN South-Guangzhou"),
    ("cn-southwest-2", "西南-贵阳一", "CN Southwest-Guiyang1"),
    ("ap-southeast-1", "中国-香港", "CN-Hong Kong"),
    ("ap-southeast-2", "亚太-曼谷", "AP-Bangkok"),
    ("ap-southeast-3", "亚太-新加坡", "AP-Singapore"),
    ("ap-southeast-4", "亚太-雅加达", "AP-Jakarta"),
    ("af-south-1", "非洲-约翰内斯堡", "AF-Johannesburg"),
    ("la-north-2", "拉美-墨西哥城二", "LA-Mexico City2"),
    ("la-south-2", "拉美-圣地亚哥", "LA-Santiago"),
    ("sa-brazil-1", "拉美-圣保罗一", "LA-Sao Paulo1"),
    ("tr-west-1", "土耳其-伊斯坦布尔", "TR-Istanbul"),
];

/// A region's name.
pub fn region(t: Words, cloud: Cloud, id: &str) -> String {
    let named = HUAWEI.iter().find(|(known, ..)| cloud == Cloud::Huawei && *known == id);
    match named {
        Some((_, zh, en)) => format!("{} ({id})", t.pick(zh, en)),
        None => id.to_owned(),
    }
}

/// Where temporary credentials come from.
pub fn how_to_get_keys(t: Words, cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Huawei => t.pick(
            "在华为云控制台为一个 IAM 用户授予下面的策略，再用它获取临时访问密钥（AK、SK 和 SecurityToken）。",
            "In Huawei Cloud's console, give an IAM user the policy below, and get temporary access keys (AK, SK and security token) for it.",
        ),
        Cloud::Ec2 => t.pick(
            "为一个用户或角色授予下面的策略，再用 aws sts get-session-token 之类的命令获取临时密钥。",
            "Give a user or role the policy below, and get temporary keys, for example with aws sts get-session-token.",
        ),
        Cloud::Simulated => t.pick(
            "模拟云接受任何密钥。以 wrong 开头的密钥（SK）会被拒绝，可以看看那时的提示。",
            "The simulated cloud takes any keys. A secret that begins with “wrong” is refused, to show what that looks like.",
        ),
        Cloud::Own => "",
    }
}
