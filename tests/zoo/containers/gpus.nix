# GPUs: by CDI, by docker's flag, by runtime, AMD's two devices, and a type that an option decides
# with { }
# with { zoo.gpu = "nvidia"; }
# with { zoo.gpu = "amd"; }
{ config, lib, ... }:
let
  devices = {
    nvidia = [ "--device=nvidia.com/gpu=all" ];
    intel = [ "--device=/dev/dri:/dev/dri:rw" ];
    amd = [ "--device=/dev/dri" "--device=/dev/kfd" ];
  };
in
{
  options.zoo.gpu = lib.mkOption {
    type = lib.types.enum [ "nvidia" "intel" "amd" ];
    default = "intel";
  };

  config.virtualisation.oci-containers.containers = {
    gpu-cdi = {
      image = "docker.io/ollama/ollama:0.5.1";
      extraOptions = [ "--device=nvidia.com/gpu=all" "--network=media-network" ];
    };
    gpu-one = {
      image = "docker.io/ollama/ollama:0.5.1";
      extraOptions = [ "--device" "nvidia.com/gpu=0" ];
    };
    gpu-docker = {
      image = "docker.io/ollama/ollama:0.5.1";
      extraOptions = [ "--gpus=all" "--runtime=nvidia" ];
    };
    gpu-rw = {
      image = "docker.io/ollama/ollama:0.5.1";
      extraOptions = [ "--device=/dev/dri:/dev/dri:rw" ];
    };
    gpu-by-type = {
      image = "docker.io/ollama/ollama:0.5.1";
      extraOptions = devices.${config.zoo.gpu} ++ [ "--group-add=render" ];
    };
    gpu-if = {
      image = "docker.io/ollama/ollama:0.5.1";
      extraOptions = lib.optionals (config.zoo.gpu == "nvidia") [ "--device=nvidia.com/gpu=all" ];
    };
  };
}
