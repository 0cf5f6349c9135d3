# Tags that float
{ ... }:
{
  virtualisation.oci-containers.containers = {
    float-latest.image = "docker.io/louislam/uptime-kuma:latest";
    float-none.image = "docker.io/louislam/uptime-kuma";
    float-major.image = "docker.io/louislam/uptime-kuma:1";
  };
}
