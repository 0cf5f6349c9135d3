# modules/services/hwc-container.nix
#
# Containers in one manner: a network by its purpose, resource limits, no new privileges, secrets that
# reach neither the store nor a file that others can read. Each of them becomes a
# virtualisation.oci-containers.containers.<name>, for podman or docker.
#
# USAGE:
#   services.hwc.container.radarr = {
#     enable = true;
#     image = "lscr.io/linuxserver/radarr";
#     imageTag = "5.14.0.9383";
#     networkMode = "media";
#     ports = [ "7878:7878" ];
#     secrets = [ "radarr-api-key" ];
#
#     # Paired with a mount point below volumeMounts, or complete as host:container[:options]
#     volumes = {
#       config = "/srv/radarr";
#       media = "/srv/media:/media:ro";
#     };
#     volumeMounts.config = "/config";
#   };
#
# An option that is null is not passed on: a limit of null is no flag, a uid of null no PUID.

{ config, lib, ... }:

let
  inherit (lib)
    concatLists
    concatMap
    concatMapStringsSep
    elemAt
    filterAttrs
    hasPrefix
    isList
    mapAttrs
    mapAttrsToList
    mkDefault
    mkEnableOption
    mkIf
    mkMerge
    mkOption
    optional
    optionalAttrs
    optionals
    types
    ;
  inherit (builtins) match;

  enabled = filterAttrs (_: container: container.enable) config.services.hwc.container;
  defaults = config.services.hwc.containerDefaults;
  oci = config.virtualisation.oci-containers;

  forEach = f: concatLists (mapAttrsToList f enabled);
  notNull = filterAttrs (_: value: value != null);

  # The unit that runs a container. Older releases of NixOS have no serviceName.
  unitOf = name: oci.containers.${name}.serviceName or "${oci.backend}-${name}";

  # -- image -----------------------------------------------------------------------------------------

  imageOf =
    container:
    if container.imageTag == null then container.image else "${container.image}:${container.imageTag}";

  # A colon after the last slash parts off a tag or a digest; one before it belongs to a registry's port.
  isTagged = image: match ".*:[^/]*" image != null;
  isFloating = image: match "([^@]*/)?[^/:@]*(:latest)?" image != null;

  # -- flags -----------------------------------------------------------------------------------------

  # Any word that is none of ours is the value of --network: the name of a network, "host", "none",
  # "container:other".
  networkFlags =
    mode:
    {
      media = [ "--network=${defaults.mediaNetwork}" ];
      vpn = [ "--network=container:${defaults.vpnContainer}" ];
      bridge = [ ];
    }
    .${mode} or [ "--network=${mode}" ];

  # Whether it lives in another container's network, which has published its ports already.
  isGuest =
    container:
    lib.any (flag: match "--net(work)?=container:.*" flag != null) (
      networkFlags container.networkMode ++ container.extraOptions
    );

  # 0.5, not the 0.500000 of toString. What came as a string stays as it is.
  plain =
    number:
    if lib.isString number then
      number
    else
      elemAt (match "([0-9]+(\\.[0-9]*[1-9])?)\\.?0*" (toString number)) 0;

  flag = name: value: optional (value != null) "--${name}=${plain value}";

  flagsOf =
    container:
    networkFlags container.networkMode
    ++ map (device: "--device=${device}") (optionals container.gpu.enable container.gpu.devices)
    ++ optional container.noNewPrivileges "--security-opt=no-new-privileges:true"
    ++ flag "memory" container.resources.memory
    ++ flag "memory-swap" container.resources.memorySwap
    ++ flag "cpus" container.resources.cpus
    ++ flag "pids-limit" container.resources.pidsLimit
    ++ container.extraOptions;

  # The bytes that a size like "1.5g" stands for; null when it is none, such as "-1" for no limit.
  bytesOf =
    size:
    let
      parts = match "0*([0-9]+(\\.[0-9]+)?)([bkmgt]?)(i?b)?" (lib.toLower size);
      unit = {
        k = 1024;
        m = 1024 * 1024;
        g = 1024 * 1024 * 1024;
        t = 1024 * 1024 * 1024 * 1024;
      };
    in
    if parts == null then null else builtins.fromJSON (elemAt parts 0) * (unit.${elemAt parts 2} or 1);

  swapIsTooSmall =
    { memory, memorySwap, ... }:
    memory != null
    && memorySwap != null
    && bytesOf memory != null
    && bytesOf memorySwap != null
    && bytesOf memorySwap > 0
    && bytesOf memorySwap < bytesOf memory;

  # -- volumes and environment -------------------------------------------------------------------------

  volumesOf =
    { volumes, volumeMounts, ... }:
    if isList volumes then
      volumes
    else
      mapAttrsToList (
        name: host: if volumeMounts ? ${name} then "${host}:${volumeMounts.${name}}" else host
      ) volumes;

  # Defaults, so that a plain definition elsewhere wins instead of being in conflict.
  environmentOf =
    container:
    mapAttrs (_: value: mkDefault (toString value)) (notNull {
      PUID = container.user.uid;
      PGID = container.user.gid;
      TZ = container.timeZone;
    })
    // container.environment;

  # -- secrets -----------------------------------------------------------------------------------------

  hasSecrets = container: secretsOf container != [ ];

  secretsOf =
    { secrets, ... }:
    if isList secrets then
      map (secret: {
        inherit secret;
        variable = lib.toUpper (lib.replaceStrings [ "-" "." "/" ] [ "_" "_" "_" ] secret);
      }) secrets
    else
      mapAttrsToList (variable: secret: { inherit secret variable; }) secrets;

  # Where agenix or sops-nix delivers a secret; null when neither knows it.
  pathOf = secret: config.age.secrets.${secret}.path or config.sops.secrets.${secret}.path or null;

  secretsUnit = name: "${name}-secrets";
  secretsFile = name: "/run/${secretsUnit name}/env";

  # Secrets are root's and mode 0400. The manager reads them, and hands copies to the unit alone.
  secretsService = name: container: {
    description = "Generate ${name} container secrets";
    before = [ "${unitOf name}.service" ];
    wantedBy = [ "${unitOf name}.service" ];
    wants = [ "agenix.service" ];
    after = [ "agenix.service" ];

    serviceConfig = {
      Type = "oneshot";
      RemainAfterExit = true;

      LoadCredential = concatMap (
        { variable, secret }: optional (pathOf secret != null) "${variable}:${pathOf secret}"
      ) (secretsOf container);

      # Security. The directory is this container's alone: it goes when this unit stops.
      NoNewPrivileges = true;
      ProtectSystem = "strict";
      ProtectHome = true;
      PrivateTmp = true;
      RuntimeDirectory = secretsUnit name;
      RuntimeDirectoryMode = "0700";
      UMask = "0077";
    }
    // (
      # Rootless podman reads the file as its own user; root may read any.
      let
        user = container.settings.podman.user or "root";
      in
      if user == "root" then { DynamicUser = true; } else { User = user; }
    );

    script = ''
      set -euo pipefail

      # An environment file holds one line for each variable
      put() {
        local value
        value="$(cat "$CREDENTIALS_DIRECTORY/$1")"
        case "$value" in
          *$'\n'*)
            echo "the secret for $1 has several lines, which an environment file cannot hold" >&2
            return 1
            ;;
        esac
        printf '%s=%s\n' "$1" "$value"
      }

      {
      ${concatMapStringsSep "\n" ({ variable, ... }: "  put ${variable}") (secretsOf container)}
      } > ${secretsFile name}
    '';
  };

  # -- what it comes to --------------------------------------------------------------------------------

  mkContainer =
    name: container:
    mkMerge [
      # Of the definitions of one container, the lists of later ones come first
      container.settings
      { image = imageOf container; }
      # What is empty is not said, so that a default which a module of yours gives all containers still holds.
      (mapAttrs (_: value: mkIf (value != [ ] && value != { }) value) {
        inherit (container)
          cmd
          dependsOn
          labels
          ports
          ;
        volumes = volumesOf container;
        environment = environmentOf container;
        environmentFiles = container.environmentFiles ++ optional (hasSecrets container) (secretsFile name);
        extraOptions = flagsOf container;
      })
      # Options that not every release of NixOS has are named only where they are used.
      (notNull {
        inherit (container)
          autoStart
          entrypoint
          hostname
          imageFile
          pull
          workdir
          ;
        user = container.runAs;
      })
      (filterAttrs (_: value: value != { } && value != [ ]) {
        inherit (container) capabilities devices;
      })
    ];

  mkUnits = name: container: [
    {
      ${unitOf name} = {
        after = [
          "network-online.target"
          "agenix.service"
        ]
        ++ optional (container.networkMode == "media") defaults.mediaNetworkUnit
        ++ optional (container.networkMode == "vpn") "${unitOf defaults.vpnContainer}.service";

        wants = [
          "network-online.target"
          "agenix.service"
        ];
      }
      // optionalAttrs (container.preStart != "") { inherit (container) preStart; };
    }
    (optionalAttrs (hasSecrets container) {
      ${secretsUnit name} = secretsService name container;
    })
  ];

  mkAssertions =
    name: container:
    let
      inherit (container) resources volumeMounts volumes;
      secrets = secretsOf container;
      unknown = lib.filter ({ secret, ... }: pathOf secret == null) secrets;
      unfit = lib.filter ({ variable, ... }: match "[A-Za-z_][A-Za-z0-9_]*" variable == null) secrets;
      variables = lib.groupBy ({ variable, ... }: variable) secrets;
      twice = lib.attrNames (filterAttrs (_: same: lib.length same > 1) variables);
      unpaired = lib.filter (mount: isList volumes || !(volumes ? ${mount})) (lib.attrNames volumeMounts);
      shown = lib.concatStringsSep ", ";
    in
    map ({ assertion, message }: {
      inherit assertion;
      message = "services.hwc.container.${name}: ${message}";
    }) [
      {
        assertion = container.ports == [ ] || !isGuest container;
        message =
          "it lives in another container's network, so ${shown container.ports} cannot be published here. "
          + "Move them to the ports of that container"
          + lib.optionalString (container.networkMode == "vpn") ", ${defaults.vpnContainer}"
          + ".";
      }
      {
        assertion = container.imageTag == null || !isTagged container.image;
        message =
          "image = \"${container.image}\" has a tag or digest of its own. "
          + "Take it out, or set imageTag = null.";
      }
      {
        assertion = !swapIsTooSmall resources;
        message =
          "resources.memorySwap = \"${toString resources.memorySwap}\" is memory and swap together, "
          + "and less than resources.memory = \"${toString resources.memory}\".";
      }
      {
        assertion = resources.memorySwap == null || resources.memory != null;
        message = "resources.memorySwap needs resources.memory, or has to be null too.";
      }
      {
        assertion = unpaired == [ ];
        message = "volumeMounts names ${shown unpaired}, which volumes does not.";
      }
      {
        assertion = unknown == [ ];
        message =
          "no secret is called ${shown (map ({ secret, ... }: secret) unknown)}. "
          + "Declare it below age.secrets or sops.secrets.";
      }
      {
        assertion = unfit == [ ];
        message =
          "${shown (map ({ variable, ... }: variable) unfit)} cannot be the name of a variable. "
          + "Write secrets as { VARIABLE = \"secret\"; }.";
      }
      {
        assertion = twice == [ ];
        message = "several secrets would be the variable ${shown twice}.";
      }
    ];

  # An image that is built here, or that somebody updates on purpose, may float.
  mkWarnings =
    name: container:
    optional
      (
        isFloating (imageOf container)
        && container.imageFile == null
        && container.pull != "never"
        && !(container.settings ? imageStream)
        && !(container.labels ? "io.containers.autoupdate")
      )
      (
        "services.hwc.container.${name}: ${imageOf container} may be another program after the next pull. "
        + "Pin it with imageTag, or by digest."
      );

  # -- options -----------------------------------------------------------------------------------------

  hostTimeZone = config.time.timeZone;

  containerModule =
    { config, name, ... }:
    {
      options = {
        enable = mkEnableOption "HWC container ${name}";

        image = mkOption {
          type = types.str;
          description = "Container image (without tag, where `imageTag` has it).";
          example = "lscr.io/linuxserver/radarr";
        };

        imageTag = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "Container image tag (version). Null: `image` carries its tag or digest itself.";
          example = "5.14.0.9383";
        };

        imageFile = mkOption {
          type = types.nullOr types.path;
          default = null;
          description = "Archive to load the image from, instead of a registry.";
        };

        pull = mkOption {
          type = types.nullOr (
            types.enum [
              "always"
              "missing"
              "never"
              "newer"
            ]
          );
          default = null;
          description = "When the image is pulled. Null: the default of NixOS. Older releases know only that.";
        };

        autoStart = mkOption {
          type = types.nullOr types.bool;
          default = null;
          description = "Whether it starts at boot. Null: the default of NixOS, which is yes.";
        };

        networkMode = mkOption {
          type = types.str;
          default = "media";
          description = ''
            Network of the container. `media`: the shared media network. `vpn`: the network of the VPN
            container, and so its way out. `host`: the host's network. `bridge`: no `--network` flag, the
            backend's default. Any other word is the value of `--network`: `none`, `container:other`, or
            the name of a network.
          '';
          example = "vpn";
        };

        gpu = {
          enable = mkEnableOption "GPU acceleration";

          type = mkOption {
            type = types.enum [
              "nvidia"
              "intel"
              "amd"
            ];
            default = "intel";
            description = "Whose GPU it is.";
          };

          devices = mkOption {
            type = types.listOf types.str;
            default =
              if config.gpu.type == "nvidia" then [ "nvidia.com/gpu=all" ] else [ "/dev/dri:/dev/dri:rw" ];
            defaultText = "`[ \"nvidia.com/gpu=all\" ]` for nvidia, else `[ \"/dev/dri:/dev/dri:rw\" ]`";
            description = "What is passed by `--device` when `gpu.enable` is on.";
          };
        };

        user = {
          uid = mkOption {
            type = types.nullOr types.int;
            default = 1000;
            description = "Container user UID (PUID). Null: no PUID, for images that take none.";
          };

          gid = mkOption {
            type = types.nullOr types.int;
            default = 1000;
            description = "Container group GID (PGID). Null: no PGID, for images that take none.";
          };
        };

        runAs = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "User, and group if wanted, that the container's process starts as (`--user`).";
          example = "1000:1000";
        };

        timeZone = mkOption {
          type = types.nullOr types.str;
          default = hostTimeZone;
          defaultText = "`config.time.timeZone`";
          description = "Time zone (TZ). Null: no TZ, for images that take none.";
        };

        resources = {
          memory = mkOption {
            type = types.nullOr types.str;
            default = "2g";
            description = "Memory limit (`--memory`). Null: none.";
          };

          memorySwap = mkOption {
            type = types.nullOr types.str;
            default = if config.resources.memory == null then null else "4g";
            defaultText = "`\"4g\"`, or `null` without a memory limit";
            description = "Limit of memory and swap together (`--memory-swap`). Null: the backend's default.";
          };

          cpus = mkOption {
            type = types.nullOr (types.either types.number types.str);
            default = 1.0;
            description = "Number of processors (`--cpus`). Null: all.";
          };

          pidsLimit = mkOption {
            type = types.nullOr (types.either types.int types.str);
            default = 200;
            description = "Number of processes (`--pids-limit`). Null: the backend's default.";
          };
        };

        noNewPrivileges = mkOption {
          type = types.bool;
          default = true;
          description = "Whether processes are kept from gaining privileges (`--security-opt=no-new-privileges`).";
        };

        capabilities = mkOption {
          type = types.attrsOf (types.nullOr types.bool);
          default = { };
          description = "Capabilities to add (true) or drop (false). Needs a NixOS that has this option.";
          example = lib.literalExpression "{ NET_ADMIN = true; }";
        };

        devices = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Devices to attach. Needs a NixOS that has this option.";
          example = [ "/dev/ttyUSB0:/dev/ttyUSB0" ];
        };

        volumes = mkOption {
          type = types.either (types.listOf types.str) (types.attrsOf types.str);
          default = { };
          description = ''
            Volume mappings (name = host path, with a mount point of that name in `volumeMounts`; or
            name = "host:container[:options]"). Or a list of the latter, where the order matters.
          '';
        };

        volumeMounts = mkOption {
          type = types.attrsOf types.str;
          default = { };
          description = "Container mount paths (name = container path, with options if wanted).";
        };

        ports = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Ports to publish. Not for a container in another one's network.";
          example = [ "7878:7878" ];
        };

        environment = mkOption {
          type = types.attrsOf types.str;
          default = { };
          description = "Environment variables. They win over PUID, PGID and TZ.";
        };

        environmentFiles = mkOption {
          type = types.listOf types.path;
          default = [ ];
          description = "Environment files. The one made from `secrets` comes after them.";
        };

        secrets = mkOption {
          type = types.either (types.listOf types.str) (types.attrsOf types.str);
          default = [ ];
          description = ''
            Names of agenix or sops-nix secrets to inject. `radarr-api-key` becomes the variable
            `RADARR_API_KEY`; write VARIABLE = "secret" for another name.
          '';
          example = [ "radarr-api-key" ];
        };

        cmd = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Arguments to the image's entry point.";
        };

        entrypoint = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "Entry point in place of the image's own.";
        };

        workdir = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "Working directory in place of the image's own.";
        };

        hostname = mkOption {
          type = types.nullOr types.str;
          default = null;
          description = "Host name within the container.";
        };

        labels = mkOption {
          type = types.attrsOf types.str;
          default = { };
          description = "Labels of the container.";
        };

        dependsOn = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Containers it needs, by their names below `virtualisation.oci-containers.containers`.";
        };

        preStart = mkOption {
          type = types.lines;
          default = "";
          description = "Commands of the container's unit before it starts.";
        };

        extraOptions = mkOption {
          type = types.listOf types.str;
          default = [ ];
          description = "Further flags, after those of this module.";
        };

        settings = mkOption {
          type = types.attrsOf types.anything;
          default = { };
          description = ''
            Whatever else `virtualisation.oci-containers.containers.<name>` takes, passed on as it is.
          '';
          example = lib.literalExpression "{ podman.user = \"media\"; log-driver = \"none\"; }";
        };
      };
    };

in
{
  # It counts once, also where a folder is read whole and each file in it handed to `import`.
  key = "services.hwc.container";

  options.services.hwc.containerDefaults = {
    mediaNetwork = mkOption {
      type = types.str;
      default = "media-network";
      description = "Network that `networkMode = \"media\"` means.";
    };

    mediaNetworkUnit = mkOption {
      type = types.str;
      default = "init-media-network.service";
      description = "Unit that makes the media network.";
    };

    vpnContainer = mkOption {
      type = types.str;
      default = "gluetun";
      description = "Container whose network `networkMode = \"vpn\"` means.";
    };
  };

  options.services.hwc.container = mkOption {
    type = types.attrsOf (types.submodule containerModule);
    default = { };
    description = "Containers in the HWC manner.";
  };

  # The names of what is defined must not depend on the configuration; what is below them may.
  config = {
    virtualisation.oci-containers.containers = mapAttrs mkContainer enabled;
    systemd.services = mkMerge (forEach mkUnits);
    assertions = forEach mkAssertions;
    warnings = forEach mkWarnings;
  };
}
