{ lib, name, tag, port, environment ? { } }:
{
  virtualisation.oci-containers.containers."${name}" = {
    image = "docker.io/zoo/${name}:${tag}";
    ports = [ "127.0.0.1:${toString port}:${toString port}" ];
    inherit environment;
    extraOptions = [ "--network=feeds" "--memory=${if port == 1200 then "1g" else "256m"}" ];
  };
}
