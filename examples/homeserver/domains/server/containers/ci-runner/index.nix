{ config, lib, ... }:
let
  cfg = config.hwc.server.containers.ci-runner;
in
{
  options.hwc.server.containers.ci-runner.enable = lib.mkEnableOption "Docker daemon for CI jobs";

  config = lib.mkIf cfg.enable {
    virtualisation.oci-containers.containers.ci-runner = {
      # Docker in Docker: needs all of it, there is no smaller set
      image = "docker.io/library/docker:27.4.1-dind";
      privileged = true;
      extraOptions = [ "--network=media-network" ];
      volumes = [ "ci-docker:/var/lib/docker" ];
      environment.DOCKER_TLS_CERTDIR = "/certs";
    };
  };
}
