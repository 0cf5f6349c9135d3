# Networks: own ones, aliases and addresses, several at once, and names that mean something else in the module
{ ... }:
{
  virtualisation.oci-containers.containers = {
    net-own = {
      image = "docker.io/library/caddy:2.8.4";
      extraOptions = [ "--network=proxy" "--network-alias=web" "--ip=10.89.0.7" ];
    };
    net-two = {
      image = "docker.io/library/caddy:2.8.4";
      extraOptions = [ "--network=proxy" "--network=backend" ];
    };
    net-called-media = {
      image = "docker.io/library/caddy:2.8.4";
      extraOptions = [ "--network=media" ];
    };
    net-called-vpn = {
      image = "docker.io/library/caddy:2.8.4";
      extraOptions = [ "--net=vpn" ];
    };
    net-bridge = {
      image = "docker.io/library/caddy:2.8.4";
      extraOptions = [ "--network=bridge" ];
    };
    net-options = {
      image = "docker.io/library/caddy:2.8.4";
      extraOptions = [ "--network=slirp4netns:port_handler=slirp4netns" ];
    };
    net-by-option = {
      image = "docker.io/library/caddy:2.8.4";
      networks = [ "proxy" ];
    };
    net-guest = {
      image = "docker.io/library/caddy:2.8.4";
      extraOptions = [ "--network=container:net-own" ];
      dependsOn = [ "net-own" ];
    };
  };
}
