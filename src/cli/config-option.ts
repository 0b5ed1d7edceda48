/** The option that every command has. */

export const configOption = [
  '-c, --config <file>',
  'configuration file (default: $DOCKWARDEN_CONFIG, else ./dockwarden.yml, else built-in defaults)',
] as const
