"""The official SDKs of all services that are asked play through a server's life at the fake, which so answers as they expect."""

import sys

from huaweicloudsdkbss.v2 import (BssClient, DemandProductInfo, ListOnDemandResourceRatingsRequest, RateOnDemandReq)
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkecs.v2 import (CreateServersRequest, CreateServersRequestBody, DeleteServersRequest,
                                  DeleteServersRequestBody, EcsClient, ListFlavorsRequest, ListServersDetailsRequest,
                                  NovaListAvailabilityZonesRequest, NovaListKeypairsRequest, PrePaidServer, PrePaidServerEip,
                                  PrePaidServerEipBandwidth, PrePaidServerNic, PrePaidServerPublicip, PrePaidServerRootVolume,
                                  PrePaidServerTag, ServerId, ShowJobRequest, ShowServerLimitsRequest, ShowServerRequest)
from huaweicloudsdkeip.v2 import DeletePublicipRequest
from huaweicloudsdkeip.v2 import EipClient as EipClientOfBefore
from huaweicloudsdkeip.v3 import EipClient, ListPublicipsRequest
from huaweicloudsdkiam.v3 import IamClient, KeystoneListAuthProjectsRequest
from huaweicloudsdkims.v2 import ImsClient, ListImagesRequest
from huaweicloudsdkvpc.v2 import ListSubnetsRequest
from huaweicloudsdkvpc.v2 import VpcClient as VpcClientOfBefore
from huaweicloudsdkvpc.v3 import (ListSecurityGroupRulesRequest, ListSecurityGroupsRequest, ListVpcsRequest, VpcClient)

import fake

OURS, ACCOUNT = BasicCredentials(fake.AK, fake.SK, fake.PROJECT), GlobalCredentials(fake.AK, fake.SK, "account-1")


def client(kind, credentials=OURS):
    return kind.new_builder().with_credentials(credentials).with_endpoints([sys.argv[1]]).build()


ecs = client(EcsClient)
projects = client(IamClient, ACCOUNT).keystone_list_auth_projects(KeystoneListAuthProjectsRequest()).projects
assert [one.id for one in projects if one.name == fake.REGION] == [fake.PROJECT], projects
zones = ecs.nova_list_availability_zones(NovaListAvailabilityZonesRequest()).availability_zone_info
assert [(one.zone_name, one.zone_state.available) for one in zones][0] == (fake.ZONE, True), zones
flavors = ecs.list_flavors(ListFlavorsRequest(availability_zone=fake.ZONE)).flavors
assert flavors[0].vcpus == "1" and flavors[0].ram == 1024, flavors
image = client(ImsClient).list_images(ListImagesRequest(flavor_id=flavors[0].id)).images[0]
assert image.id == fake.IMAGE and image.min_disk == 10, image
assert ecs.nova_list_keypairs(NovaListKeypairsRequest()).keypairs[0].keypair.name == "pair-1"
assert ecs.show_server_limits(ShowServerLimitsRequest()).absolute.max_total_instances == 5

vpc, vpc_of_before = client(VpcClient), client(VpcClientOfBefore)
assert vpc.list_vpcs(ListVpcsRequest()).vpcs[0].id == fake.NETWORK
subnet = vpc_of_before.list_subnets(ListSubnetsRequest(vpc_id=fake.NETWORK)).subnets[0]
assert subnet.id == fake.SUBNET and subnet.available_ip_address_count == 250, subnet
assert vpc.list_security_groups(ListSecurityGroupsRequest()).security_groups[0].id == fake.GROUP
rule = vpc.list_security_group_rules(ListSecurityGroupRulesRequest(security_group_id=[fake.GROUP])).security_group_rules[0]
assert (rule.direction, rule.multiport) == ("ingress", "22,443"), rule

product = DemandProductInfo(id="1", cloud_service_type="hws.service.type.ec2", resource_type="hws.resource.type.vm",
                            resource_spec="s6.small.1.linux", region=fake.REGION, usage_factor="Duration", usage_value=1,
                            usage_measure_id=4, subscription_num=1)
price = client(BssClient, ACCOUNT).list_on_demand_resource_ratings(ListOnDemandResourceRatingsRequest(
    body=RateOnDemandReq(project_id=fake.PROJECT, inquiry_precision=0, product_infos=[product])))
assert price.currency == "CNY", price

address = PrePaidServerPublicip(eip=PrePaidServerEip(
    iptype="5_bgp", bandwidth=PrePaidServerEipBandwidth(size=5, sharetype="PER", chargemode="traffic")))
server = PrePaidServer(image_ref=fake.IMAGE, flavor_ref=flavors[0].id, name="official", vpcid=fake.NETWORK, publicip=address,
                       nics=[PrePaidServerNic(subnet_id=fake.SUBNET)], root_volume=PrePaidServerRootVolume(volumetype="GPSSD"),
                       server_tags=[PrePaidServerTag(key="by", value="official")])
made = ecs.create_servers(CreateServersRequest(x_client_token="46436810-d999-454c-bd85-e515fd258600",
                                               body=CreateServersRequestBody(server=server)))


def finish(job):
    for _ in range(10):
        now = ecs.show_job(ShowJobRequest(job_id=job))
        if now.status == "SUCCESS":
            return now
    raise AssertionError(now)


id = finish(made.job_id).entities.sub_jobs[0].entities.server_id
assert id == made.server_ids[0]
assert ecs.show_server(ShowServerRequest(server_id=id)).server.status == "ACTIVE"
assert [one.id for one in ecs.list_servers_details(ListServersDetailsRequest(tags="by=official")).servers] == [id]
addresses = client(EipClient).list_publicips(ListPublicipsRequest()).publicips
assert [one.public_ip_address for one in addresses] == ["198.51.100.7"], addresses
gone = ecs.delete_servers(DeleteServersRequest(body=DeleteServersRequestBody(servers=[ServerId(id=id)])))
finish(gone.job_id)
client(EipClientOfBefore).delete_publicip(DeletePublicipRequest(publicip_id=addresses[0].id))
assert client(EipClient).list_publicips(ListPublicipsRequest()).publicips == []
print("done: official")
