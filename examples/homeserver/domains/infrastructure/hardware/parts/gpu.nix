# GPU drivers, container access and monitoring
#
# One switch (`type`) picks the vendor; everything below it is optional tuning.
{ config, lib, pkgs, ... }:

let
  cfg = config.hwc.infrastructure.hardware.gpu;
  paths = config.hwc.paths;
in {
  options.hwc.infrastructure.hardware.gpu = {
    type = lib.mkOption {
      type = lib.types.enum [ "none" "nvidia" "intel" "amd" ];
      default = "none";
      description = "Vendor of the GPU that this host uses";
    };

    tools = lib.mkOption {
      type = lib.types.bool;
      default = true;
      description = "Install the vendor's command line tools";
    };

    nvidia = {
      driver = lib.mkOption {
        type = lib.types.enum [ "stable" "production" "beta" "legacy_535" ];
        default = "stable";
        description = "Branch of the proprietary driver";
      };

      open = lib.mkOption {
        type = lib.types.bool;
        default = false;
        description = "Use the open kernel module (Turing and newer)";
      };

      persistence = lib.mkOption {
        type = lib.types.bool;
        default = true;
        description = "Keep the driver loaded while no client is connected";
      };

      containerRuntime = lib.mkOption {
        type = lib.types.bool;
        default = true;
        description = "Write a CDI specification so that containers can ask for the GPU";
      };

      enableMonitoring = lib.mkOption {
        type = lib.types.bool;
        default = false;
        description = "Sample utilization and temperature with nvidia-smi";
      };
    };

    intel.vaapiDriver = lib.mkOption {
      type = lib.types.enum [ "iHD" "i965" ];
      default = "iHD";
      description = "VA-API driver: iHD from Broadwell on, i965 for what came before";
    };

    amd.rocm = lib.mkOption {
      type = lib.types.bool;
      default = false;
      description = "Install the ROCm OpenCL runtime";
    };
  };

  config = lib.mkMerge [
    # Common to all vendors
    (lib.mkIf (cfg.type != "none") {
      hardware.graphics.enable = true;

      environment.systemPackages = lib.optionals cfg.tools [
        pkgs.libva-utils
        pkgs.vulkan-tools
      ];
    })

    # Intel: decoding and encoding through VA-API
    (lib.mkIf (cfg.type == "intel") {
      hardware.graphics.extraPackages =
        if cfg.intel.vaapiDriver == "iHD"
        then [ pkgs.intel-media-driver ]
        else [ pkgs.intel-vaapi-driver ];

      environment.sessionVariables.LIBVA_DRIVER_NAME = cfg.intel.vaapiDriver;

      environment.systemPackages = lib.optionals cfg.tools [
        pkgs.intel-gpu-tools
      ];
    })

    # AMD: mesa brings most of it
    (lib.mkIf (cfg.type == "amd") {
      hardware.graphics.extraPackages = lib.optionals cfg.amd.rocm [
        pkgs.rocmPackages.clr.icd
      ];

      environment.systemPackages = lib.optionals cfg.tools [
        pkgs.clinfo
        pkgs.radeontop
      ];
    })

    # NVIDIA: proprietary driver, CDI for containers
    (lib.mkIf (cfg.type == "nvidia") {
      services.xserver.videoDrivers = [ "nvidia" ];

      hardware.nvidia = {
        package = config.boot.kernelPackages.nvidiaPackages.${cfg.nvidia.driver};
        open = cfg.nvidia.open;
        nvidiaPersistenced = cfg.nvidia.persistence;
        modesetting.enable = true;

        # The server never suspends
        powerManagement.enable = false;
      };

      hardware.nvidia-container-toolkit.enable = cfg.nvidia.containerRuntime;

      # The kernel's own driver gets in the way
      boot.blacklistedKernelModules = [ "nouveau" ];

      # Load at boot: nobody starts a display server here
      boot.kernelModules = [
        "nvidia"
        "nvidia_modeset"
        "nvidia_uvm"
        "nvidia_drm"
      ];

      environment.sessionVariables = {
        LIBVA_DRIVER_NAME = "nvidia";
        NVD_BACKEND = "direct";
      };

      hardware.graphics.extraPackages = [
        pkgs.nvidia-vaapi-driver
      ];

      # The monitoring loop appends to a file below this directory
      systemd.tmpfiles.rules = lib.optionals cfg.nvidia.enableMonitoring [
        "d ${paths.logs} 0755 root root -"
        "d ${paths.logs}/gpu 0755 root root -"
      ];

      environment.systemPackages = lib.optionals cfg.tools [
        # nvidia-smi comes with the driver
        pkgs.nvtopPackages.nvidia
        pkgs.cudaPackages.cuda_nvcc
      ];

      # Optional: nvidia-smi monitoring
      systemd.services.gpu-monitor = lib.mkIf cfg.nvidia.enableMonitoring {
        description = "NVIDIA GPU utilization monitoring";
        serviceConfig = {
          Type = "simple";
          User = "root";
          ExecStart = pkgs.writeShellScript "gpu-monitor" ''
            #!/usr/bin/env bash
            while true; do
              ${config.boot.kernelPackages.nvidiaPackages.${cfg.nvidia.driver}}/bin/nvidia-smi \
                --query-gpu=timestamp,name,temperature.gpu,utilization.gpu,utilization.memory,memory.used,memory.total \
                --format=csv,noheader,nounits >> ${paths.logs}/gpu/gpu-usage.log
              sleep 60
            done
          '';
          Restart = "always";
          RestartSec = "10";
        };
        wantedBy = [ ];
      };
    })
  ];
}
