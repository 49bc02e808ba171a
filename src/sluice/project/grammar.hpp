// The keys of a project file, in one place: the reader and the JSON Schema are made from these lists.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace sluice::project {

enum class Shape {
  text,
  name,        // letters, digits, _ and -, not first a digit
  scalar_map,  // name -> scalar
  vars,        // name -> scalar, or { type, default, one_of }
  connections,
  flows,
  models,
  record,
  from,
  from_database,
  into,
  into_objects,
  rejects,
  limit,  // 100 or 1%
  extra,  // ignore | reject
  text_or_true,
  type,
  boolean,
  count,   // a whole number from 1
  amount,  // a whole number from 0
  scalar,  // any scalar
  scalar_list,
  var_type,          // text | int | date
  mode,              // append | replace | merge
  columns,           // a name, or a list of names
  format,            // csv | json | parquet
  compression,       // auto | none | gzip | zstd
  publish,           // object | manifest
  columns_by_table,  // table -> a name, or a list of names
  personal_data,     // allowed | refused
  character,
  path,  // a.b.c, or a list of names
  schedule,
  duration,  // 30s, 5m, 2h, 7d
  overlap,   // skip | queue
  incremental,
  watch,  // connection -> table -> a column, or *
  pii,    // one of pii_kinds
};

struct KeyRule {
  std::string_view name;
  Shape shape;
  bool required;
  std::string_view help;
};

inline constexpr std::array project_keys{
    KeyRule{"name", Shape::name, true, "the project's name: it stands in the ledger"},
    KeyRule{"vars", Shape::vars, false,
            "variables and their values, or { type, default, one_of }; --var wins over them"},
    KeyRule{"connections", Shape::connections, true, "the far ends, each with a name"},
    KeyRule{"keys", Shape::text, false, "the keyring file, made by `sluice keys init`"},
    KeyRule{"flows", Shape::flows, false,
            "what moves from where to where: into a table, or from a database into objects"},
    KeyRule{"models", Shape::models, false,
            "SELECTs that a database turns into tables: { on: CONNECTION, path: FOLDER }"},
    KeyRule{"schedule", Shape::schedule, false,
            "when `sluice serve` runs the project's models and those flows that have no schedule and no queue"},
};

inline constexpr std::array var_keys{
    KeyRule{"type", Shape::var_type, true, "text, int, or date: a day, written as 2022-09-05"},
    KeyRule{"default", Shape::scalar, false, "its value; without one it must be given"},
    KeyRule{"one_of", Shape::scalar_list, false, "the only values that are allowed"},
};

inline constexpr std::array models_keys{
    KeyRule{"on", Shape::name, true, "a connection in the role of a database: where the models run"},
    KeyRule{"schema", Shape::text, false, "the schema of their tables, also looked in first for tables they read"},
    KeyRule{"path", Shape::text, false, "the folder of the .sql files (default models)"},
    KeyRule{"tests", Shape::text, false, "the folder of tests that are files (default tests)"},
};

// What a YAML file beside a model declares of it.
inline constexpr std::array model_keys{
    KeyRule{"materialize", Shape::text, false, "table (default), view, incremental or upsert"},
    KeyRule{"key", Shape::columns, false, "the columns that tell rows apart, or which rows give way"},
    KeyRule{"columns", Shape::scalar_map, false, "column -> type, or { type, not_null, unique, accepted, ... }"},
    KeyRule{"tests", Shape::scalar_map, false, "name -> a SELECT that must give no row"},
    KeyRule{"reads", Shape::columns, false, "the tables it reads, where the SQL does not tell"},
};

inline constexpr std::array model_column_keys{
    KeyRule{"type", Shape::type, false, "the column's type, as in a record"},
    KeyRule{"not_null", Shape::boolean, false, "whether NULL is refused"},
    KeyRule{"unique", Shape::boolean, false, "whether no value stands there twice"},
    KeyRule{"accepted", Shape::scalar_list, false, "the only values that are allowed"},
    KeyRule{"range", Shape::scalar_map, false, "{ min: VALUE, max: VALUE }, both allowed"},
    KeyRule{"relationships", Shape::scalar_map, false, "{ to: TABLE, column: COLUMN }: each value stands there"},
};

// A file of `sluice test`.
inline constexpr std::array example_keys{
    KeyRule{"vars", Shape::scalar_map, false, "variables of the project, for this example"},
    KeyRule{"given", Shape::scalar_map, true, "table -> its rows, or { columns, rows }"},
    KeyRule{"expect", Shape::scalar_map, true, "model -> the rows it makes"},
};
inline constexpr std::array example_table_keys{
    KeyRule{"columns", Shape::scalar_map, false, "column -> type"},
    KeyRule{"rows", Shape::scalar_list, false, "a list of maps, column -> value"},
};

inline constexpr std::array range_keys{
    KeyRule{"min", Shape::scalar, false, "the least value"},
    KeyRule{"max", Shape::scalar, false, "the greatest value"},
};

inline constexpr std::array relationships_keys{
    KeyRule{"to", Shape::text, true, "TABLE or SCHEMA.TABLE"},
    KeyRule{"column", Shape::text, true, "the column there"},
};

inline constexpr std::array flow_keys{
    KeyRule{"from", Shape::from, true,
            "where rows come from: { queue: CONNECTION }, or { objects: CONNECTION, key: KEY }"},
    KeyRule{"record", Shape::record, true, "the contract of one input row: field -> type"},
    KeyRule{"extra", Shape::extra, false,
            "what a field that the record does not name does: ignore (default) or reject"},
    KeyRule{"select", Shape::text, false, "a row-wise SELECT over input"},
    KeyRule{"into", Shape::into, true, "where rows go: { table: CONNECTION.TABLE, create: FILE.sql | true }"},
    KeyRule{"rejects", Shape::rejects, false, "a table of the flow's own for its rejects: { table: CONNECTION.TABLE }"},
    KeyRule{"max_rejects", Shape::limit, false, "a run stops before it commits more rejects: 100 or 1%"},
    KeyRule{"schedule", Shape::schedule, false, "when `sluice serve` runs the flow: { cron: LINE } or { every: 30s }"},
};

inline constexpr std::array schedule_keys{
    KeyRule{"cron", Shape::text, false,
            "minute, hour, day of month, month, day of week, as in 15 6 * * mon-fri; or @daily"},
    KeyRule{"every", Shape::duration, false, "instead of cron: 30s, 5m, 2h, 7d; at its multiples since 1970 UTC"},
    KeyRule{"timezone", Shape::text, false, "of cron and of run_date: an IANA name, as Europe/Tallinn (default UTC)"},
    KeyRule{"overlap", Shape::overlap, false,
            "what becomes of a time that is due while the last run is at work: skip (default), or queue: it runs then"},
    KeyRule{"watch", Shape::watch, false,
            "run only when a table moved, or the date did: { CONNECTION: { TABLE: COLUMN } }; the column grows as rows "
            "are written; \"*\": look at the whole table"},
};

// A flow from a database, which ends in an object store: the query has columns of its own, so there is no record.
inline constexpr std::array export_keys{
    KeyRule{"from", Shape::from_database, true,
            "where rows come from: { table: CONNECTION.TABLE }, or { database: CONNECTION, query: FILE.sql }"},
    KeyRule{"select", Shape::text, false, "a row-wise SELECT over input, which has the query's columns"},
    KeyRule{"into", Shape::into_objects, true, "where rows go: { objects: CONNECTION, key: KEY }"},
    KeyRule{"after", Shape::columns, false, "models and flows to wait for, beside those whose tables it reads"},
    KeyRule{"incremental", Shape::incremental, false,
            "of a table, into a prefix: each run adds the rows that are new: { cursor: COLUMN }"},
    KeyRule{"schedule", Shape::schedule, false, "when `sluice serve` runs the flow: { cron: LINE } or { every: 30s }"},
};

inline constexpr std::array incremental_keys{
    KeyRule{"cursor", Shape::text, true, "a column that grows as rows are written; \"*\": there is none"},
};

// Beside those of its connector.
inline constexpr std::array connection_keys{
    KeyRule{"personal", Shape::columns_by_table, false,
            "of a database: its columns that hold personal data, by table: { user: [first_name, last_name] }"},
    KeyRule{
        "personal_data", Shape::personal_data, false,
        "of a database or an object store, whether it may hold personal data in clear: refused (default) or allowed"},
};

// What a flow reads is told by the first key of each list.
inline constexpr std::array from_queue_keys{
    KeyRule{"queue", Shape::name, true, "a connection in the role of a queue"},
};
inline constexpr std::array from_objects_keys{
    KeyRule{"objects", Shape::name, true, "a connection in the role of an object store"},
    KeyRule{"key", Shape::text, false, "one object, by its exact key"},
    KeyRule{"glob", Shape::text, false, "all objects whose key it matches: * and ? within a level, ** over levels"},
    KeyRule{"prefix", Shape::text, false, "all objects whose key begins so"},
    KeyRule{"format", Shape::format, false, "csv (default), json: one JSON object a line, or parquet"},
    KeyRule{"compression", Shape::compression, false, "auto (default: by the key's .gz or .zst), none, gzip or zstd"},
    KeyRule{"delimiter", Shape::character, false, "of CSV, between fields (default ,; \\t is a tab)"},
    KeyRule{"quote", Shape::character, false, "of CSV, around a field (default \"; an empty text: none)"},
    KeyRule{"header", Shape::boolean, false, "of CSV, whether the first line names the columns (default true)"},
    KeyRule{"null_text", Shape::text, false, "of CSV, what NULL is, unquoted (default: an empty field)"},
};

inline constexpr std::array from_table_keys{
    KeyRule{"table", Shape::text, true, "CONNECTION.TABLE or CONNECTION.SCHEMA.TABLE"},
    KeyRule{"order_by", Shape::columns, false, "the columns that the rows are sorted by, NULL last"},
    KeyRule{"readers", Shape::count, false,
            "how many connections read the table side by side, 1 to 64 (default: by its size, 1 to 4)"},
};
inline constexpr std::array from_query_keys{
    KeyRule{"database", Shape::name, true, "a connection in the role of a database"},
    KeyRule{"query", Shape::text, false, "a file with one SELECT, which the database runs"},
    KeyRule{"sql", Shape::text, false, "the SELECT itself"},
};

inline constexpr std::array into_keys{
    KeyRule{"table", Shape::text, true, "CONNECTION.TABLE or CONNECTION.SCHEMA.TABLE"},
    KeyRule{"create", Shape::text_or_true, false,
            "how a missing table is made: a file of SQL, or true: from the columns"},
    KeyRule{"mode", Shape::mode, false,
            "what becomes of the rows that are there: append (default), replace or merge; the last two from objects"},
    KeyRule{"key", Shape::columns, false, "the columns that tell rows apart: a unique index is over them"},
    KeyRule{
        "chunk_mb", Shape::count, false,
        "of an object that is appended or merged, about the most in one transaction, in MiB unpacked (default 1024)"},
    KeyRule{"min_rows", Shape::amount, false,
            "with mode: replace, the fewest rows that may take the place of those that are there (default 1); 0: the "
            "table may become empty"},
};

inline constexpr std::array into_objects_keys{
    KeyRule{"objects", Shape::name, true, "a connection in the role of an object store"},
    KeyRule{"key", Shape::text, false, "one object, by its exact key"},
    KeyRule{"prefix", Shape::text, false, "with publish: manifest, where the files stand: it ends in /"},
    KeyRule{"publish", Shape::publish, false,
            "object (default with key): one object, seen as a whole; manifest (default with prefix): files, and a list "
            "of them that is written last"},
    KeyRule{"manifest", Shape::text, false,
            "the key of a list of objects, which is written when all flows that name it are done"},
    KeyRule{"file_mb", Shape::count, false,
            "with publish: manifest, the most of one file in MiB, unpacked (default 64)"},
    KeyRule{"row_group_rows", Shape::count, false,
            "of Parquet, the most rows of one row group, 2048 to 1000000 (default 122880)"},
    KeyRule{"format", Shape::format, false, "csv (default), json: one JSON object a line, or parquet (packed by zstd)"},
    KeyRule{"compression", Shape::compression, false, "auto (default: by the key's .gz or .zst), none, gzip or zstd"},
    KeyRule{"delimiter", Shape::character, false, "of CSV, between fields (default ,; \\t is a tab)"},
    KeyRule{"quote", Shape::character, false, "of CSV, around a field that needs it (default \")"},
    KeyRule{"header", Shape::boolean, false, "of CSV, whether the first line names the columns (default true)"},
    KeyRule{"null_text", Shape::text, false, "of CSV, what NULL is, unquoted (default: an empty field)"},
};

inline constexpr std::array rejects_keys{
    KeyRule{"table", Shape::text, true, "CONNECTION.TABLE or CONNECTION.SCHEMA.TABLE, in the database of `into`"},
};

inline constexpr std::array field_keys{
    KeyRule{"type", Shape::type, true,
            "text, int, bigint, float, decimal(p,s), bool, date, timestamp, timestamptz, uuid, json or bytes"},
    KeyRule{"max", Shape::count, false, "most characters of a text, most bytes of bytes"},
    KeyRule{"null", Shape::boolean, false, "whether null is allowed (default false)"},
    KeyRule{"default", Shape::scalar, false, "what a missing field is; without it a missing field is a reject"},
    KeyRule{"one_of", Shape::scalar_list, false, "the only values that are allowed"},
    KeyRule{"pattern", Shape::text, false, "a regular expression (RE2) that the whole text must match"},
    KeyRule{"path", Shape::path, false, "where the value stands in a nested body: a.b.c, or a list of names"},
    KeyRule{"pii", Shape::pii, false, "the kind of personal data: ip, device, email, text, name, phone, ..."},
};

// The first four are also forms that a mask can take a value in; the others say what is masked as a text.
inline constexpr std::array<std::string_view, 13> pii_kinds{
    "ip",           //
    "device",       //
    "email",        //
    "text",         // of any content
    "name",         // of a person
    "phone",        //
    "address",      // where somebody lives
    "location",     // coordinates
    "birth_date",   //
    "national_id",  // a personal code, a social security number
    "card",         // of a payment
    "iban",         //
    "secret",       // a password, a token, a private key
};

}  // namespace sluice::project
