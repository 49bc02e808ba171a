#include "sluice/local/duckdb_model.hpp"

#include <strings.h>

#include <algorithm>
#include <charconv>

#include "sluice/local/duckdb_columns.hpp"
#include "sluice/local/duckdb_ledger.hpp"
#include "sluice/local/duckdb_table.hpp"
#include "sluice/models/publish.hpp"

namespace sluice::local {
namespace {

constexpr const char* stage = "temp.sluice_model";

// ":3", of a statement that begins with the model's text in its first line; "" where DuckDB does not tell it.
std::string line_of(std::string_view message) {
  constexpr std::string_view mark = "LINE ";
  const std::size_t at = message.find(mark);
  if (at == std::string_view::npos) return {};
  int line = 1;
  std::from_chars(message.data() + at + mark.size(), message.data() + message.size(), line);
  return ":" + std::to_string(line);
}

const models::Dialect& dialect() {
  static const models::Dialect duckdb{&column_type, [](Type declared, const std::string& type) {
                                        return column_type(declared) == type ||
                                               (declared.kind == Kind::float64 && type == "FLOAT") ||
                                               (declared.kind == Kind::json && type == "VARCHAR");
                                      }};
  return duckdb;
}

class Build {
 public:
  Build(DuckConnection& connection, const Model& model) : connection_(connection), model_(model) {}

  Result<void> check() {
    // A schema that is not there yet holds nothing that could be read; DuckDB refuses it in a search path.
    SLUICE_TRY(const bool home, has_schema());
    if (home) SLUICE_CHECK(search_home());
    Result<void> planned = run("EXPLAIN " + model_.sql, "");
    if (home) static_cast<void>(run("SET search_path = 'main'"));
    return planned;
  }

  Result<ModelBuilt> build() {
    SLUICE_CHECK(run("BEGIN"));
    Result<ModelBuilt> built = in_transaction();
    const bool good = built && built->failed.empty();
    Result<void> ended = run(good ? "COMMIT" : "ROLLBACK");
    if (good && !ended) connection_.rollback();
    if (!built && row_refused_) name_column(built.error());
    static_cast<void>(run("SET search_path = 'main'"));
    if (good && !ended) return fail(std::move(ended).error());
    return built;
  }

 private:
  Result<ModelBuilt> in_transaction() {
    const std::string& schema = model_.table.schema;
    if (!schema.empty()) {
      SLUICE_CHECK(run("CREATE SCHEMA IF NOT EXISTS " + quoted(std::string_view(schema))));
      SLUICE_CHECK(search_home());
    }
    ModelBuilt built;
    if (model_.materialize == Materialize::view) {
      SLUICE_CHECK(make_view());
    } else {
      SLUICE_CHECK(fill_table(built));
    }
    for (const ModelTest& test : model_.tests) {
      SLUICE_TRY(const std::int64_t rows, ask(models::count_sql(test), test.text()));
      if (rows == 0) {
        built.passed.push_back(test.name);
      } else {
        built.failed.push_back({test.name, static_cast<std::uint64_t>(rows)});
      }
    }
    return built;
  }

  // The list is a text of quoted names.
  Result<void> search_home() {
    return run("SET search_path = " + literal(quoted(std::string_view(model_.table.schema)) + ",main"));
  }

  Result<bool> has_schema() {
    if (model_.table.schema.empty()) return false;
    SLUICE_TRY(DuckRows rows,
               connection_.ask("SELECT 1 FROM information_schema.schemata WHERE catalog_name = current_database() AND "
                               "lower(schema_name) = lower($1)",
                               {model_.table.schema}, model_.place.file));
    return rows.next();
  }

  Result<void> make_view() {
    SLUICE_TRY(const std::optional<bool> is_view, kind());
    if (is_view && !*is_view) return wrong_kind("a table", "a view");
    SLUICE_CHECK(names_once());
    SLUICE_CHECK(run("CREATE OR REPLACE VIEW " + quoted(model_.table) + " AS " + model_.sql, ""));
    SLUICE_TRY(const models::TableColumns columns, columns_there());
    return models::check_stage(model_, columns, dialect());
  }

  // DuckDB would give the second one another name, a_1, and say nothing.
  Result<void> names_once() {
    std::vector<std::string> seen;
    for (const std::string& name : names_of_columns(connection_, model_.sql)) {
      const bool twice = std::ranges::any_of(
          seen, [&name](const std::string& other) { return strcasecmp(other.c_str(), name.c_str()) == 0; });
      if (twice) {
        return fail(Fault::conflict, model_.place.file + ": the SELECT gives column \"" + name + "\" twice",
                    "give one of the two another name (as ...)");
      }
      seen.push_back(name);
    }
    return {};  // what cannot be prepared is told by the statement that it stands in
  }

  Result<models::TableColumns> columns_there() {
    SLUICE_TRY(const auto shape, describe(connection_, model_.table));
    if (!shape) return fail(Fault::conflict, model_.place.file + ": " + model_.table.text() + " is gone");
    models::TableColumns columns;
    for (const TableColumn& column : shape->columns)
      columns.push_back({column.name, column.type, column.not_null, column.has_default});
    return columns;
  }

  Result<void> fill_table(ModelBuilt& built) {
    SLUICE_CHECK(names_once());
    SLUICE_CHECK(run(std::string("DROP TABLE IF EXISTS ") + stage));
    SLUICE_CHECK(run(std::string("CREATE TEMP TABLE sluice_model AS ") + model_.sql, ""));
    SLUICE_TRY(const std::int64_t rows, ask(std::string("SELECT count(*) FROM ") + stage, "count"));
    built.rows = static_cast<std::uint64_t>(rows);
    SLUICE_TRY(const models::TableColumns columns, stage_columns());
    SLUICE_CHECK(models::check_stage(model_, columns, dialect()));
    for (const models::KeyCheck& check : models::key_checks(model_, columns, stage)) {
      SLUICE_TRY(const std::int64_t count, ask(check.sql, "look at its keys"));
      if (count > 0) return fail(check.error(model_, count));
    }
    SLUICE_TRY(const std::optional<bool> is_view, kind());
    if (is_view && *is_view) return wrong_kind("a view", "a table");
    if (!is_view)
      SLUICE_CHECK(run(models::create_table_sql(model_, columns, dialect()), "make table " + model_.table.text()));
    SLUICE_TRY(const models::TableColumns table, columns_there());
    SLUICE_CHECK(models::check_table(model_, columns, table, dialect()));
    for (const std::string& sql : models::change_sql(model_, columns, table, stage, dialect()))
      SLUICE_CHECK(run(sql, "change table " + model_.table.text()));
    return run(std::string("DROP TABLE ") + stage);
  }

  Result<models::TableColumns> stage_columns() {
    SLUICE_TRY(DuckRows rows, connection_.ask("SELECT column_name, data_type FROM duckdb_columns() WHERE database_name "
                                              "= 'temp' AND table_name = 'sluice_model' ORDER BY column_index",
                                              {}, model_.place.file));
    models::TableColumns columns;
    while (rows.next()) columns.push_back({rows.text(0), rows.text(1)});
    const std::vector<std::string> untyped = untyped_columns(connection_, model_.sql);
    for (models::TableColumn& column : columns)
      column.only_null = std::ranges::find(untyped, column.name) != untyped.end();
    return columns;
  }

  // True: a view has the model's name; false: a table.
  Result<std::optional<bool>> kind() {
    const std::string schema = model_.table.schema.empty() ? "main" : model_.table.schema;
    SLUICE_TRY(
        DuckRows rows,
        connection_.ask("SELECT table_type = 'VIEW' FROM information_schema.tables WHERE table_catalog = "
                        "current_database() AND lower(table_schema) = lower($1) AND lower(table_name) = lower($2)",
                        {schema, model_.table.table}, model_.place.file));
    if (!rows.next()) return std::optional<bool>();
    return std::optional<bool>(rows.boolean(0));
  }

  tl::unexpected<Error> wrong_kind(const std::string& is, const std::string& wanted) const {
    return fail(Fault::conflict,
                model_.place.file + ": " + model_.table.text() + " is " + is + ", but the model is kept as " + wanted,
                "drop it, or change `materialize`");
  }

  // `what` is being done; empty: the model's own SQL is run, and the place is that in its file.
  Result<void> run(const std::string& sql, const std::string& what = "a statement of our own") {
    duckdb_result result;
    const duckdb_state state = duckdb_query(connection_.get(), sql.c_str(), &result);
    const DuckRows rows(result);
    if (state == DuckDBSuccess) return {};
    return error_of(result, what);
  }

  Result<std::int64_t> ask(const std::string& sql, const std::string& what) {
    duckdb_result result;
    const duckdb_state state = duckdb_query(connection_.get(), sql.c_str(), &result);
    DuckRows rows(result);
    if (state != DuckDBSuccess) return error_of(result, what);
    return rows.next() ? rows.integer(0) : 0;
  }

  tl::unexpected<Error> error_of(duckdb_result& result, const std::string& what) {
    const duckdb_error_type type = duckdb_result_error_type(&result);
    const std::string message = duckdb_result_error(&result);
    const std::string place = model_.place.file + (what.empty() ? line_of(message) : ": " + what);
    if (const auto refused = refused_row(type, message)) {
      const std::string column = refused->column.empty() ? "" : " in column \"" + refused->column + "\"";
      if (!what.empty()) return fail(Fault::data, place + ": " + refused->reason + column + ": " + refused->text);
      row_refused_ = true;
      return fail(Fault::data, place + ": " + refused->reason + column,
                  "a row holds what the SELECT cannot compute: leave such rows out, or handle them by CASE; DuckDB's "
                  "message may hold values and is not shown, run the SELECT in DuckDB to read it");
    }
    // Found before any row was read: such a message quotes SQL.
    const bool before_rows = type == DUCKDB_ERROR_PARSER || type == DUCKDB_ERROR_SYNTAX ||
                             type == DUCKDB_ERROR_CATALOG || type == DUCKDB_ERROR_BINDER;
    return fail(duckdb_error(type, message, place, before_rows ? Wording::with_message : Wording::kind_only));
  }

  void name_column(Error& error) {
    const std::string column = column_not_computed(connection_, model_.sql);
    if (!column.empty()) error.message += " in column \"" + column + "\"";
  }

  DuckConnection& connection_;
  const Model& model_;
  bool row_refused_ = false;  // by the SELECT itself
};

}  // namespace

Result<void> check_model(DuckConnection& connection, const Model& model) { return Build(connection, model).check(); }

Result<ModelBuilt> build_model(DuckConnection& connection, const Model& model) {
  return Build(connection, model).build();
}

}  // namespace sluice::local
