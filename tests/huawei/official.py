"""The official SDK plays through a server's life at the fake, which so answers as the SDK expects."""

import sys

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkecs.v2 import (CreateServersRequest, CreateServersRequestBody, DeleteServersRequest,
                                  DeleteServersRequestBody, EcsClient, ListFlavorsRequest, PrePaidServer, PrePaidServerNic,
                                  PrePaidServerRootVolume, ServerId, ShowJobRequest, ShowServerRequest)

import fake

client = EcsClient.new_builder().with_credentials(BasicCredentials(fake.AK, fake.SK, fake.PROJECT)).with_endpoints([sys.argv[1]]).build()

flavors = client.list_flavors(ListFlavorsRequest(availability_zone=fake.ZONE)).flavors
assert flavors[0].vcpus == "1" and flavors[0].ram == 1024, flavors

server = PrePaidServer(image_ref=fake.IMAGE, flavor_ref=flavors[0].id, name="official", vpcid=fake.NETWORK,
                       nics=[PrePaidServerNic(subnet_id=fake.SUBNET)], root_volume=PrePaidServerRootVolume(volumetype="GPSSD"))
made = client.create_servers(CreateServersRequest(x_client_token="46436810-d999-454c-bd85-e515fd258600",
                                                  body=CreateServersRequestBody(server=server)))


def finish(job):
    for _ in range(10):
        now = client.show_job(ShowJobRequest(job_id=job))
        if now.status == "SUCCESS":
            return now
    raise AssertionError(now)


id = finish(made.job_id).entities.sub_jobs[0].entities.server_id
assert id == made.server_ids[0]
assert client.show_server(ShowServerRequest(server_id=id)).server.status == "ACTIVE"
gone = client.delete_servers(DeleteServersRequest(body=DeleteServersRequestBody(servers=[ServerId(id=id)])))
finish(gone.job_id)
print("done: official")
