# The Kubernetes objects that declare and load one folder of the real samples.
#
#   jq --arg database pt12 --arg namespace orrery --arg pool main --arg claim samples \
#      --argjson tab true --from-file manifests.jq tables.json
#
# Tables with a position become chunked tables of one family, the others
# reference tables. Output: one List, in an order in which it can be applied.

# `bigint(20) NOT NULL DEFAULT '0'` → a column of the spec.
def column:
  .[0] as $name
  | (.[1] | capture("^(?<type>.*?)(?<required> not null)?( default (null|'(?<default>[^']*)'))?$"; "i")) as $type
  | {name: $name, type: ($type.type | ascii_upcase)}
    + (if $type.required then {nullable: false} else {} end)
    + (if $type.default then {default: $type.default} else {} end);

def object($kind; $name; $spec):
  {apiVersion: "orrery.dev/v1alpha1", kind: $kind, metadata: {name: $name, namespace: $namespace}, spec: $spec};

# Kubernetes names have no capitals and no underscores.
def object_name: "\($database)-\(. | ascii_downcase | gsub("_"; "-"))";

def family:
  object("ChunkFamily"; $database; {
    scheme: {kind: "sphere", stripes: 85, subStripes: 12, overlap: 0.01667},
    pool: $pool,
    replicas: {desired: 3, minimum: 2}
  });

def chunked($table):
  object("ChunkedTable"; $table | object_name; {
    database: $database,
    table: $table,
    family: $database,
    key: .director_key,
    position: {longitude: .longitude_key, latitude: .latitude_key},
    columns: [.columns[] | column]
  } + (if .director_table then {role: "child", director: .director_table} else {role: "director"} end));

def reference($table):
  object("ReferenceTable"; $table | object_name; {
    database: $database, table: $table, columns: [.columns[] | column]
  });

def ingest($table):
  object("Ingest"; $table | object_name; {
    target: {database: $database, table: $table},
    sources: [{claim: $claim, path: "\($database)/\($table).\(if $tab then "tsv" else "csv" end).gz"}],
    dialect: {delimiter: (if $tab then "\\t" else "," end)},
    fields: .file_columns
  } + (if .director_table then {
    # The samples keep sources whose object is not among them, and sources that
    # were measured a little aside, over a chunk's border.
    orphans: "keep",
    misplacedChildren: "move"
  } else {} end));

def is_chunked: .longitude_key != null;

{
  apiVersion: "v1",
  kind: "List",
  items: (
    [family]
    + [to_entries[] | .key as $table | .value | if is_chunked then chunked($table) else reference($table) end]
    # A director before its children.
    + [to_entries | sort_by(.value.director_table != null)[] | .key as $table | .value | ingest($table)]
  )
}
