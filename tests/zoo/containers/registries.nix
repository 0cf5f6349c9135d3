# Registries with a port, with and without a tag
{ ... }:
{
  virtualisation.oci-containers.containers = {
    wiki = {
      image = "registry.lan:5000/docs/wiki:3.2";
      ports = [ "3000:3000" ];
    };
    notes = {
      image = "registry.lan:5000/docs/notes";
      ports = [ "3001:3000" ];
    };
    relay = {
      image = "localhost:5000/relay:latest";
      extraOptions = [ "--network=none" ];
    };
  };
}
