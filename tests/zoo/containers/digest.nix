# An image by digest, one by tag and digest, and one by an interpolated digest
{ ... }:
let
  digest = "sha256:4d3f2b6b1b0f3f5d0d0e8ad3c5c8b2c6a1a2b3c4d5e6f708192a3b4c5d6e7f80";
in
{
  virtualisation.oci-containers.containers = {
    whoami.image = "docker.io/traefik/whoami@sha256:1699d99cb4b9acc17f74ca670b3d8d0b7ba27c948b3445f0593b58ebece92f04";
    gatus.image = "ghcr.io/twin/gatus:v5.13.1@sha256:9d7c7e2c4b0a1f3e5d6c8b7a9f0e1d2c3b4a5968778695a4b3c2d1e0f9a8b7c6";
    echo = {
      image = "ghcr.io/zoo/echo@${digest}";
      cmd = [ "--port" "8080" ];
    };
  };
}
