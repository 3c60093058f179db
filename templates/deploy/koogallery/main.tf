# Deploys @PRODUCT@ @VERSION@ for the marketplace's own deployment (启动部署): RFS runs this template. Made by `signet package
# export`, which parses it but cannot run it.

terraform {
  required_providers {
    huaweicloud = {
      source  = "huawei.com/provider/huaweicloud"
      version = ">= 1.60.0"
    }
  }
}

provider "huaweicloud" {}

variable "ecs_name" {
  type        = string
  default     = "@PRODUCT@"
  description = "云服务器名称 / name of the server"
}

variable "ecs_flavor" {
  type        = string
  description = "规格：至少 @VCPUS@ vCPU、@MEMORY@ MiB 内存 / flavor: at least @VCPUS@ vCPU and @MEMORY@ MiB"
}

variable "image_name" {
  type        = string
  description = "镜像名称 / name of the image"
}

variable "vpc_subnet_id" {
  type        = string
  description = "子网的网络 ID / network id of the subnet"
}

variable "security_group_id" {
  type        = string
  description = "安全组 ID，放通端口 @PORTS@ / security group, open for ports @PORTS@"
}

# User data and `admin_pass` exclude each other on Linux, and whatever runs on the server can read its user data: so what
# goes there is the password's hash, made here. bcrypt, because it is the only kind for /etc/shadow that a template can make;
# it works on systems with libxcrypt: Debian 11, Ubuntu 20.04, Huawei Cloud EulerOS 2.0 and newer.
variable "ecs_password" {
  type        = string
  sensitive   = true
  description = "root 密码：8 到 26 位，至少含大写字母、小写字母、数字、特殊字符中的三种 / password of root: 8 to 26 characters of at least three kinds"
  validation {
    condition     = length(var.ecs_password) >= 8 && length(var.ecs_password) <= 26
    error_message = "The password must have 8 to 26 characters."
  }
  validation {
    condition = length([
      for kind in ["[A-Z]", "[a-z]", "[0-9]", "[^A-Za-z0-9]"] : kind if can(regex(kind, var.ecs_password))
    ]) >= 3
    error_message = "The password must have three of: capital letters, small letters, digits, other characters."
  }
}

variable "license_code" {
  type        = string
  sensitive   = true
  description = "授权码 / license code"
}

variable "package_url" {
  type        = string
  description = "部署包 @ARCHIVE@ 的下载地址 / address of the deployment package @ARCHIVE@"
}

@VARIABLES@data "huaweicloud_images_image" "system" {
  name        = var.image_name
  most_recent = true
}

resource "huaweicloud_vpc_eip" "address" {
  publicip {
    type = "5_bgp"
  }
  bandwidth {
    name        = var.ecs_name
    size        = 5
    share_type  = "PER"
    charge_mode = "traffic"
  }
}

resource "huaweicloud_compute_instance" "server" {
  name               = var.ecs_name
  image_id           = data.huaweicloud_images_image.system.id
  flavor_id          = var.ecs_flavor
  security_group_ids = [var.security_group_id]
  system_disk_size   = @DISK@

  network {
    uuid = var.vpc_subnet_id
  }

  user_data = join("\n", [
    "#!/bin/sh",
    "set -eu",
    "umask 077",
    "echo 'root:${bcrypt(var.ecs_password)}' | chpasswd -e",
    "mkdir -p /etc/signet/@PRODUCT@ /opt/signet/@PRODUCT@",
    "echo ${base64encode(var.license_code)} | base64 -d > /etc/signet/@PRODUCT@/license",
    "echo ${base64encode(local.parameters)} | base64 -d > /etc/signet/@PRODUCT@/parameters",
    "cd /opt/signet/@PRODUCT@",
    "curl -fsSL --retry 5 -o @ARCHIVE@ \"$(echo ${base64encode(var.package_url)} | base64 -d)\"",
    "echo '@ARCHIVE_SHA256@  @ARCHIVE@' | sha256sum -c -",
    "tar -xzf @ARCHIVE@",
    "bash scripts/install.sh",
  ])

  # Each hash has another salt: a plan that is made again must not replace the server for it.
  lifecycle {
    ignore_changes = [user_data]
  }
}

resource "huaweicloud_compute_eip_associate" "address" {
  public_ip   = huaweicloud_vpc_eip.address.address
  instance_id = huaweicloud_compute_instance.server.id
}

output "address" {
  value = huaweicloud_vpc_eip.address.address
}
