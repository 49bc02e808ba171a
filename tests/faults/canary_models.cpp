#include "canary_project.hpp"

namespace sluice::faults {

const std::vector<FailingSql>& failing_duckdb() {
  static const std::vector<FailingSql> all{
      {"cast", "name::int"},
      {"bigint", "name::bigint"},
      {"double", "name::double"},
      {"decimal", "name::decimal(10,2)"},
      {"bool", "name::boolean"},
      {"date", "name::date"},
      {"timestamp", "name::timestamptz"},
      {"time", "name::time"},
      {"interval", "name::interval"},
      {"uuid", "name::uuid"},
      {"list", "name::int[]"},
      {"struct", "name::struct(a int)"},
      {"enum", "name::enum('a', 'b')"},
      {"bit", "name::bit"},
      {"blob", "(name || '\\xZZ')::blob"},
      {"narrow", "card::tinyint"},
      {"product", "card * card"},
      {"strptime", "strptime(name, '%Y')"},
      {"format", "format(name || '{')"},
      {"regex", "regexp_matches('a', name || '(')"},
      {"hex", "unhex(name)"},
      {"base64", "from_base64(name || '=')"},
      {"json", "name::json"},
      {"path", "json_extract('{}', '$.' || name || '[')"},
      {"error", "error(name)"},
      {"chr", "chr(card::int)"},
      {"part", "date_part(name, date '2000-01-31')"},
      {"mask_ip", "mask_ip(name, 'ip')"},
      {"version", "version_int(name)"},
  };
  return all;
}

const std::vector<FailingSql>& failing_postgres() {
  static const std::vector<FailingSql> all{
      {"cast", "name::int"},
      {"double", "name::float8"},
      {"decimal", "name::numeric(10,2)"},
      {"bool", "name::boolean"},
      {"date", "name::date"},
      {"timestamp", "name::timestamptz"},
      {"interval", "name::interval"},
      {"uuid", "name::uuid"},
      {"inet", "name::inet"},
      {"array", "name::int[]"},
      {"point", "name::point"},
      {"json", "name::json"},
      {"jsonb", "name::jsonb"},
      {"xml", "('<a>' || name)::xml"},
      {"regclass", "name::regclass"},
      {"bytea", "name::bytea || decode(name, 'hex')"},
      {"base64", "decode(name || '=', 'base64')"},
      {"narrow", "card::int"},
      {"smallint", "card::smallint"},
      {"product", "card * card"},
      {"zero", "card / (length(name) - length(name))"},
      {"regex", "'a' ~ (name || '(')"},
      {"number", "to_number(name, '9')"},
      {"to_date", "to_date(name, 'YYYY-MM-DD')"},
      {"zone", "now() at time zone name"},
      {"part", "date_part(name, now())"},
      {"setting", "current_setting(name)"},
      {"tsquery", "(name || ' & (')::tsquery"},
      {"substring", "substring(name from 1 for -1)"},
      {"sub_query", "(select name from person p where length(p.name) > 0)"},
      {"raise", "public.quoting(name)"},
      {"dynamic", "public.dynamic(name)"},
  };
  return all;
}

const std::vector<std::string>& refusals() {
  static const std::vector<std::string> all{"22000", "22P02", "23514", "23000", "25006", "28000", "40001",
                                            "40P01", "42501", "53100", "53200", "53300", "54000", "55P03",
                                            "57014", "58030", "P0001", "XX000", "XX001"};
  return all;
}

std::vector<NamedText> model_files(const std::string& connection) {
  const bool duckdb = connection == "bank";
  const std::string models = "models_" + connection + "/";
  const std::string tests = "tests_" + connection + "/";
  std::vector<NamedText> files{
      {"good.sql", "select id, name, email, card from person"},
      {"good.yaml", "columns: { name: { not_null: true } }\n"},
      {"seen.sql", "select id, upper(name) as name from good"},
      {"seen.yaml", "materialize: view\n"},
      {"upserted.sql", "select name, max(id) as id from person group by name"},
      {"upserted.yaml", "materialize: upsert\nkey: name\n"},
      {"grown.sql", "select name, id from person"},
      {"grown.yaml", "materialize: incremental\nkey: name\n"},
      // Tests that fail: each finds rows with names.
      {"not_unique.sql", "select p.name, p.id from person p, person q"},
      {"not_unique.yaml", "columns: { name: { unique: true } }\n"},
      {"not_accepted.sql", "select name from person"},
      {"not_accepted.yaml", "columns: { name: { accepted: [ann, bob] } }\n"},
      {"not_in_range.sql", "select card from person"},
      {"not_in_range.yaml", "columns: { card: { range: { min: 0, max: 100 } } }\n"},
      {"not_null.sql", "select nullif(name, name) as nothing, name from person"},
      {"not_null.yaml", "columns: { nothing: { not_null: true } }\n"},
      {"not_related.sql", "select name from person"},
      {"not_related.yaml", "columns: { name: { relationships: { to: person, column: email } } }\n"},
      {"not_tested.sql", "select name from person"},
      {"not_tested.yaml", "tests: { names: select name from not_tested }\n"},
      {"twice.sql", "select p.name, q.id from person p, person q"},
      {"twice.yaml", "materialize: upsert\nkey: name\n"},
      {"failing_test.sql", "select name from person"},
      {"failing_test.yaml", "tests: { casts: select name::int from failing_test }\n"},
      // What the types that are declared cannot hold.
      {"narrow.sql", "select name as n, card from person"},
      {"narrow.yaml", "columns: { n: int }\n"},
      {"small.sql", "select card as n from person"},
      {"small.yaml", "columns: { n: int }\n"},
      // By a test in a file, which cannot be computed.
      {"judged.sql", "select id, name from person"},
  };
  for (NamedText& file : files) file.name = models + file.name;
  files.push_back({tests + "whole.sql", "select name from judged where name::int > 0"});
  files.push_back(
      {tests + "example.yaml",
       "given:\n  person:\n    - { id: a, name: Ann, email: ann@example.org, card: 1 }\nexpect:\n  good:\n    "
       "- { id: a, name: Bob }\n"});
  for (const FailingSql& one : duckdb ? failing_duckdb() : failing_postgres()) {
    if (one.sql.find("mask_") != std::string::npos || one.sql.find("version_int") != std::string::npos) continue;
    files.push_back({models + "failing_" + one.name + ".sql", "select id, (" + one.sql + ")::text as x from person"});
  }
  return files;
}

}  // namespace sluice::faults
