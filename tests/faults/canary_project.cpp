#include "canary_project.hpp"

namespace sluice::faults {
namespace {

constexpr const char* connections = R"(keys: keys.json
connections:
  queue: { sqs: people, region: us-east-1, endpoint: "${SQS}", wait: 0s, retry_for: 0s, protocol: "${PROTOCOL:-auto}" }
  events: { sqs: events, region: us-east-1, endpoint: "${SQS}", wait: 0s, retry_for: 0s }
  wishes: { sqs: wishes, region: us-east-1, endpoint: "${SQS}", wait: 0s, retry_for: 0s }
  spool: { spool: spool }
  drawer: { spool: drawer }
  lake: { s3: lake, region: us-east-1, endpoint: "${S3}", path_style: true, retry_for: 0s }
  files: { files: files }
  open_files: { files: clear/objects, personal_data: allowed }
  warehouse: { postgres: "${DATABASE_URL}" }
  vault: { postgres: "${VAULT_URL}", personal_data: allowed }
  local: { duckdb: local.duckdb }
  bank: { duckdb: clear/bank.duckdb, personal_data: allowed }
)";

constexpr const char* record = R"(
    record:
      id:     { type: text, max: 20 }
      name:   { type: text, pii: name, max: 80 }
      email:  { type: text, pii: email }
      ip:     { type: text, pii: ip }
      device: { type: text, pii: device, pattern: "[0-9-]+" }
      phone:  { type: text, pii: phone }
      born:   { type: date, pii: birth_date }
      card:   { type: bigint, pii: card }
      note:   { type: text, pii: text, null: true }
      age:    { type: int }
)";

// Every mask, and every expression that fails: of the row whose id says so.
std::string select() {
  std::string text = R"(    select: |
      select id, mask_siv(name, 'name') as name, mask_email(email) as email, mask_ip(ip, 'ip') as ip,
             mask_hmac(device, 'device') as device, mask_fpe(phone, 'digits', '+') as phone,
             mask_hmac(born::text, 'born') as born, mask_siv(card::text, 'card') as card,
             mask_seal(note, 'note') as note, (100 / age)::int as rate,
             mask_ip_prefix(ip) || ' ' || mask_truncate_ip(ip, 8, 16) || ' ' || mask_partial(name, 1, 1) || ' ' ||
               mask_redact(name) || ' ' || mask_sha256(name, 'salt') || ' ' || mask_fernet(name) || ' ' ||
               (mask_date_shift(case when id = 'shift' then null else date '2000-01-31' end, name))::text as others,
             case id
)";
  for (const FailingSql& one : failing_duckdb())
    text += "               when '" + one.name + "' then mask_hmac((" + one.sql + ")::text, 'tried')\n";
  return text + "               else 'x' end as tried\n      from input\n";
}

std::string into_table(const std::string& name, const std::string& from, const std::string& into) {
  return "  " + name + ":\n    from: " + from + record + select() + "    into: " + into + "\n";
}

std::string orders(const std::string& name, const std::string& store, const std::string& key,
                   const std::string& format) {
  return "  " + name + ":\n    from: { objects: " + store + ", key: " + key + ", format: " + format +
         " }\n    record: { order_id: int, customer: { type: text, pii: name } }\n"
         "    select: select order_id, mask_siv(customer, 'name') as customer from input\n"
         "    into: { table: local." +
         name + ", create: true, mode: replace }\n";
}

}  // namespace

std::string canary_yaml() {
  return std::string("name: canary\n") + connections + "flows:\n" +
         into_table("from_queue", "{ queue: queue }", "{ table: warehouse.people, create: people.sql }") +
         into_table("from_spool", "{ queue: spool }", "{ table: local.people, create: true }") +
         into_table("from_s3", "{ objects: lake, glob: 'in/p*.csv' }",
                    "{ table: warehouse.merged, create: people.sql, mode: merge, key: id }") +
         into_table("from_chunks", "{ objects: lake, glob: 'chunks/*.csv' }",
                    "{ table: warehouse.chunks, create: people.sql, mode: append, chunk_mb: 4 }") +
         into_table("from_files", "{ objects: files, glob: 'in/*.json', format: json }",
                    "{ table: local.loaded, create: true, mode: replace }") +
         into_table("from_parquet", "{ objects: files, glob: 'in/p*.parquet', format: parquet }",
                    "{ table: warehouse.packed, create: people.sql, mode: replace }") +
         R"(  events:
    from: { queue: events }
    record:
      user_id:     { type: text, max: 128, pii: name }
      app_version: text
      device_type: { type: text, max: 32 }
      ip:          { type: text, pii: ip }
      locale:      { type: text, null: true }
      device_id:   { type: text, pii: device }
    select: |
      select mask_siv(user_id, 'user') as user_id, device_type, mask_siv(ip, 'ip') as masked_ip,
             mask_siv(device_id, 'device') as masked_device_id, locale, version_int(app_version) as app_version
      from input
    into: { table: warehouse.events, create: people.sql }
)" + "  to_bank:\n    from: { queue: drawer }" +
         record + "    into: { table: bank.person, create: bank.sql }\n" + "  to_vault:\n    from: { queue: wishes }" +
         record + "    into: { table: vault.person, create: vault.sql }\n" +
         orders("orders", "files", "in/orders.csv", "csv") + orders("orders_gz", "files", "in/orders.csv.gz", "csv") +
         orders("orders_parquet", "files", "in/a.parquet", "parquet") +
         orders("s3_orders", "lake", "in/orders.csv", "csv") +
         orders("s3_orders_gz", "lake", "in/orders.csv.gz", "csv") +
         orders("s3_orders_parquet", "lake", "in/a.parquet", "parquet") +
         R"(  to_s3:
    from: { table: vault.person, order_by: [id] }
    select: select id, mask_siv(name, 'name') as name, mask_ip(ip, 'ip') as ip from input
    into: { objects: lake, key: out/people.csv }
  to_s3_notes:
    from: { table: vault.person, order_by: [id] }
    select: select id, mask_seal(note, 'note') as note from input
    into: { objects: lake, key: out/notes.csv }
  to_s3_files:
    from: { table: vault.person }
    select: select id, mask_siv(email, 'email') as email from input
    into: { objects: lake, prefix: out/set/, format: parquet }
  to_s3_grown:
    from: { table: vault.person }
    select: select id, mask_siv(name, 'name') as name from input
    into: { objects: lake, prefix: out/grown/, compression: zstd }
    incremental: { cursor: "*" }
  to_files:
    from: { table: bank.person }
    select: select id, mask_fernet(name, 'name') as name, mask_siv(card::text, 'card') as card from input
    into: { objects: files, prefix: out/, format: json, compression: gzip }
  to_parquet:
    from: { database: bank, sql: "select id, name, device, note from person order by id" }
    select: select id, mask_siv(name, 'name') as name, mask_hmac(device, 'device') as device, mask_seal(note) as note from input
    into: { objects: files, key: out/people.parquet, format: parquet }
  to_open_files:
    from: { table: vault.person }
    into: { objects: open_files, key: people.parquet, format: parquet }
  failing_mask:
    from: { table: vault.person }
    select: select mask_ip(name, 'ip') as ip from input
    into: { objects: files, key: out/failing.csv }
  failing_cast:
    from: { table: bank.person }
    select: select mask_hmac(name::int::text, 'name') as name from input
    into: { objects: lake, key: out/failing.parquet, format: parquet }
)";
}

std::string models_yaml(const std::string& connection) {
  const bool duckdb = connection == "bank";
  std::string text = "name: models_" + connection + "\n" + connections + "models: { on: " + connection +
                     ", schema: mart, path: models_" + connection + ", tests: tests_" + connection + " }\nflows:\n";
  // Somebody has to say that the tables are personal: the flows of the other project do not count here.
  // Somebody has to say that the bank's table is personal: the flows of the other project do not count here. Of the
  // vault nobody does, or queries that DuckDB does not understand would not come to its server.
  const std::string bank = "bank: { duckdb: clear/bank.duckdb, personal_data: allowed";
  text.insert(text.find(bank) + bank.size(),
              ", personal: { person: [name, email, ip, device, phone, born, card, note] }");
  for (const FailingSql& one : duckdb ? failing_duckdb() : failing_postgres()) {
    if (one.sql.find("mask_") != std::string::npos || one.sql.find("version_int") != std::string::npos) continue;
    std::string sql;
    for (const char c : one.sql) sql += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    text += "  export_" + one.name + ":\n    from: { database: " + connection + ", sql: \"select (" + sql +
            ")::text as x from person order by 1\" }\n    select: select mask_hmac(x, 'x') as x from input\n" +
            "    into: { objects: files, key: out/failing_" + one.name + ".csv }\n";
  }
  return text;
}

std::string people_sql() {
  std::string text;
  for (const char* table : {"people", "merged", "chunks", "packed"}) {
    const bool key = std::string(table) == "people" || std::string(table) == "merged";
    text += std::string("create table if not exists ") + table + "(id text" + (key ? " primary key" : "") +
            " check (id <> 'refused'), name text, email text, ip text, device text, phone text, born text, card text, "
            "note text, rate integer, others text, tried text);\n";
  }
  return text +
         "create table if not exists events(user_id text, device_type text, masked_ip text, masked_device_id text, "
         "locale text, app_version integer);\n";
}

std::string bank_sql() {
  return "create table if not exists person(id varchar primary key check (id <> 'refused'), name varchar not null "
         "unique check (name not like '%checked%'), email varchar, ip varchar, device varchar, phone varchar, born "
         "date, "
         "card bigint check (card > 0), note varchar not null, age integer);\n";
}

std::string vault_sql() {
  std::string text = R"(
create table if not exists known_device(device text primary key);
insert into known_device select '977-31' || '-55' || n from generate_series(100000, 200000) n on conflict do nothing;
create table if not exists person(
  id text primary key, name text not null unique check (name not like '%checked%'), email varchar(40), ip text,
  device text references known_device, phone text, born date, card bigint, note text not null, age integer,
  exclude using hash (phone with =));
create or replace function quoting(value text) returns text language plpgsql as
  $$begin raise exception 'no % here', value using detail = value, hint = value, column = value, constraint = value,
    table = value, schema = value, datatype = value; end$$;
create or replace function dynamic(value text) returns text language plpgsql as
  $$declare made text; begin execute 'select 1 as a, ' || value || ' from nowhere' into made; return made; end$$;
create or replace function refuse() returns trigger language plpgsql as $$begin
  if new.id = 'warned' then raise warning 'odd: %', new using detail = new.name; end if;
  if new.id = 'context' then perform new.name::int; end if;
  if new.id like 'state%' then
    raise exception 'no % here', new using errcode = substr(new.id, 6), detail = new.name, hint = new.name,
      column = new.name, constraint = new.name, table = new.name, schema = new.name, datatype = new.name;
  end if;
  return new;
end$$;
drop trigger if exists refuse on person;
create trigger refuse before insert on person for each row execute function refuse();
)";
  return text;
}

}  // namespace sluice::faults
