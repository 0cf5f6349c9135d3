# modules/services/hwc-monitor.nix
#
# Health checks in one manner: a sandboxed oneshot service and a timer, in place of an endless loop.
# Each of them becomes systemd.services.hwc-monitor-<name> and systemd.timers.hwc-monitor-<name>.
#
# USAGE:
#   services.hwc.monitor.couchdb = {
#     enable = true;
#     description = "CouchDB health check";
#     path = [ pkgs.curl ];
#     script = ''
#       curl -f http://localhost:5984/_up || exit 1
#     '';
#     schedule = "every-5-minutes";
#     dependsOn = [ "couchdb.service" ];
#   };
#
# A check that fails is a unit that has failed: systemctl --failed names it, onFailure acts on it.

{
  config,
  lib,
  pkgs,
  ...
}:

let
  inherit (lib)
    filterAttrs
    mapAttrs
    mapAttrs'
    mkDefault
    mkEnableOption
    mkOption
    nameValuePair
    optionalAttrs
    types
    ;

  enabled = filterAttrs (_: monitor: monitor.enable) config.services.hwc.monitor;

  presets = {
    "every-minute" = "*:0/1";
    "every-5-minutes" = "*:0/5";
    "every-15-minutes" = "*:0/15";
    "hourly" = "hourly";
    "daily" = "daily";
    "weekly" = "weekly";
  };

  # Whether it runs by the calendar; else by the time since its last run.
  byCalendar = monitor: monitor.interval == null && monitor.schedule != null;

  # What the module sets gives way to serviceConfig and timerConfig.
  base = mapAttrs (_: mkDefault);
  notNull = filterAttrs (_: value: value != null);

  mkService = name: monitor: {
    inherit (monitor)
      description
      environment
      onFailure
      path
      wants
      ;
    after = monitor.dependsOn;

    serviceConfig = lib.mkMerge [
      (base (
        {
          Type = "oneshot";

          # Security hardening
          NoNewPrivileges = true;
          ProtectSystem = "strict";
          ProtectHome = true;
          PrivateTmp = true;
          ProtectKernelTunables = true;
          ProtectKernelModules = true;
          ProtectControlGroups = true;
          RestrictAddressFamilies = [
            "AF_UNIX"
            "AF_INET"
            "AF_INET6"
          ];
          RestrictNamespaces = true;
          PrivateNetwork = !monitor.networkAccess;

          # The first line is writeShellScript's own
          ExecStart = pkgs.writeShellScript "monitor-${name}" ''
            set -euo pipefail

            ${monitor.script}
          '';

          StandardOutput = "journal";
          StandardError = "journal";
        }
        # An unprivileged user unless root is asked for
        // (
          if monitor.requireRoot then
            {
              DynamicUser = false;
              User = "root";
            }
          else
            {
              DynamicUser = true;
              CapabilityBoundingSet = "";
            }
        )
        // optionalAttrs (monitor.timeout != null) { TimeoutSec = toString monitor.timeout; }
      ))
      monitor.serviceConfig
    ];
  };

  mkTimer = _: monitor: {
    description = "${monitor.description} timer";
    wantedBy = [ "timers.target" ];

    timerConfig = lib.mkMerge [
      (base (
        notNull (
          if byCalendar monitor then
            {
              OnBootSec = monitor.onBootDelay;
              OnCalendar = presets.${monitor.schedule} or monitor.schedule;
              Persistent = monitor.persistent;
            }
          else
            {
              # Counted from the timer's start, at boot and after: OnBootSec would not be armed again when
              # the timer is restarted, and the interval alone waits for a first run that never comes.
              OnActiveSec = monitor.onBootDelay;
              OnUnitActiveSec = monitor.interval;
            }
        )
        // {
          AccuracySec = monitor.accuracy;
        }
      ))
      monitor.timerConfig
    ];
  };

  mkAssertions = name: monitor: [
    {
      assertion =
        !(byCalendar monitor) || builtins.match "every-.*" monitor.schedule == null || presets ? ${monitor.schedule};
      message =
        "services.hwc.monitor.${name}: schedule = \"${toString monitor.schedule}\" is none of the presets "
        + "${lib.concatStringsSep ", " (lib.attrNames presets)}. Write a calendar expression, or use interval.";
    }
    {
      assertion =
        byCalendar monitor
        || monitor.onBootDelay != null
        || lib.any (key: builtins.match "On(Active|Boot|Startup)Sec|OnCalendar" key != null) (
          lib.attrNames monitor.timerConfig
        );
      message =
        "services.hwc.monitor.${name}: nothing starts it for the first time. "
        + "Set onBootDelay, or OnActiveSec in timerConfig.";
    }
  ];

  monitorModule =
    { config, name, ... }:
    {
      options = {
        enable = mkEnableOption "monitoring for ${name}";

        description = mkOption {
          type = types.str;
          default = "Monitor ${name}";
          description = "What it checks.";
        };

        script = mkOption {
          type = types.lines;
          description = ''
            Monitoring script content, run by bash with `set -euo pipefail`. Its exit code is the result.
          '';
        };

        path = mkOption {
          type = types.listOf (types.either types.package types.str);
          default = [ ];
          description = ''
            Packages whose commands the script uses, beside those that NixOS gives to every unit
            (coreutils, findutils, grep, sed, systemd).
          '';
          example = lib.literalExpression "[ pkgs.curl ]";
        };

        environment = mkOption {
          type = types.attrsOf (types.nullOr (types.either types.str types.path));
          default = { };
          description = "Environment variables of the script.";
        };

        schedule = mkOption {
          type = types.nullOr types.str;
          default = "every-5-minutes";
          description = ''
            Schedule: a preset (`every-minute`, `every-5-minutes`, `every-15-minutes`, `hourly`, `daily`,
            `weekly`) or systemd calendar format. Null: not by the calendar.
          '';
          example = "Mon..Fri 08:00";
        };

        interval = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = ''
            Time from one start to the next (`OnUnitActiveSec`). When it is set, `schedule` does not count.
          '';
          example = "45s";
        };

        onBootDelay = mkOption {
          type = types.nullOr types.str;
          default = "1min";
          description = ''
            Delay before the first run: after boot (`OnBootSec`), or with `interval` after the start of the
            timer (`OnActiveSec`). Null: none is set.
          '';
        };

        persistent = mkOption {
          type = types.bool;
          default = true;
          description = "Run missed timers on boot. Only a schedule can be missed.";
        };

        accuracy = mkOption {
          type = types.str;
          default = if byCalendar config then "1min" else "1s";
          defaultText = "`\"1min\"`, or `\"1s\"` when it does not run by the calendar";
          description = "Timer accuracy window. As wide as the interval, it would add up from run to run.";
        };

        timeout = mkOption {
          type = types.nullOr types.int;
          default = 30;
          description = "Timeout in seconds. Null: none, and a run that hangs stops the timer for ever.";
        };

        dependsOn = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Units that it runs after, when both are to be started. It does not start them.";
        };

        wants = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Units that every run starts if they are not active. Not for what it is to watch.";
        };

        onFailure = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Units that a failed check starts.";
        };

        requireRoot = mkOption {
          type = types.bool;
          default = false;
          description = "Whether monitor requires root privileges. Without: a user of its own, no capabilities.";
        };

        networkAccess = mkOption {
          type = types.bool;
          default = true;
          description = "Whether monitor needs network access. Without, not even localhost is there.";
        };

        serviceConfig = mkOption {
          type = types.attrsOf types.anything;
          default = { };
          description = "Further settings of the service. They replace those of this module.";
          example = lib.literalExpression "{ SupplementaryGroups = [ \"video\" ]; }";
        };

        timerConfig = mkOption {
          type = types.attrsOf types.anything;
          default = { };
          description = "Further settings of the timer. They replace those of this module.";
          example = lib.literalExpression "{ RandomizedDelaySec = \"30s\"; }";
        };
      };
    };

in
{
  # It counts once, also where a folder is read whole and each file in it handed to `import`.
  key = "services.hwc.monitor";

  options.services.hwc.monitor = mkOption {
    type = types.attrsOf (types.submodule monitorModule);
    default = { };
    description = "Health checks in the HWC manner.";
  };

  # The names of what is defined must not depend on the configuration; what is below them may.
  config = {
    systemd.services = mapAttrs' (
      name: monitor: nameValuePair "hwc-monitor-${name}" (mkService name monitor)
    ) enabled;
    systemd.timers = mapAttrs' (
      name: monitor: nameValuePair "hwc-monitor-${name}" (mkTimer name monitor)
    ) enabled;
    assertions = lib.concatLists (lib.mapAttrsToList mkAssertions enabled);
  };
}
