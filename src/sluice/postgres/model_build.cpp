// A model becomes a table or a view: built in a temporary table, then swapped and tested in one transaction.
//
// Two builds of one table wait for each other; readers wait for nobody.
#include <algorithm>
#include <functional>

#include "sluice/core/words.hpp"
#include "sluice/models/publish.hpp"
#include "sluice/postgres/catalogue.hpp"
#include "sluice/postgres/database.hpp"
#include "sluice/postgres/ledger_tables.hpp"
#include "sluice/postgres/refusals.hpp"
#include "sluice/postgres/sql.hpp"
#include "sluice/postgres/utf8.hpp"

namespace sluice::postgres {
namespace {

constexpr const char* stage = "pg_temp.sluice_model";

bool holds(Type declared, const std::string& type) {
  const std::string base = type.substr(0, type.find('('));
  const auto is = [&base](std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, base) != names.end();
  };
  switch (declared.kind) {
    case Kind::boolean: return is({"boolean"});
    case Kind::int32: return is({"integer"});
    case Kind::int64: return is({"bigint"});
    case Kind::float64: return is({"double precision", "real"});
    case Kind::decimal: return type == "numeric" || type == sql_type(declared);
    case Kind::text: return is({"text", "character varying", "character", "bpchar"});
    case Kind::bytes: return is({"bytea"});
    case Kind::date: return is({"date"});
    case Kind::timestamp: return type.ends_with("without time zone");
    case Kind::timestamp_tz: return type.ends_with("with time zone");
    case Kind::uuid: return is({"uuid"});
    case Kind::json: return is({"json", "jsonb"});
  }
  return false;
}

models::TableColumns columns_of(const Table& table) {
  models::TableColumns columns;
  for (const Column& column : table.columns)
    columns.push_back(
        {column.name, column.type_name, column.not_null, column.has_default || column.is_generated, column.domain_of});
  return columns;
}

class Build {
 public:
  // Gives false where the run has lost the right to publish; it is asked last, in the transaction.
  using MayPublish = std::function<Result<bool>(Connection&)>;

  Build(Connection& connection, const Model& model, MayPublish may_publish = {})
      : connection_(connection), model_(model), may_publish_(std::move(may_publish)) {}

  // Plans the SELECT as the build would, which wants the right to read all that it names.
  Result<void> check() {
    if (const Reply begun = connection_.run("begin read only"); !begun)
      return fail(connection_.error(begun.error(), "begin to read"));
    Result<void> checked = search_home();
    if (checked) checked = changes_nothing();
    if (checked) {
      constexpr std::string_view words = "explain ";
      const Reply planned = connection_.ask(std::string(words) + model_.sql, {});
      if (!planned)
        checked = fail(explained(planned.error(), own_error(planned.error(), static_cast<int>(words.size()))));
    }
    if (connection_.alive()) static_cast<void>(connection_.run("rollback"));
    return checked;
  }

  Result<ModelBuilt> build() {
    // Whatever the database's default: two builds of one table wait for each other, and the turn is renewed meanwhile.
    if (const Reply begun = connection_.run("begin isolation level read committed"); !begun)
      return fail(connection_.error(begun.error(), "begin a transaction"));
    Result<ModelBuilt> built = in_transaction();
    if (built && built->failed.empty() && may_publish_) {
      if (const Result<bool> may = may_publish_(connection_); !may) {
        built = fail(may.error());
      } else {
        built->turn_lost = !*may;
      }
    }
    if (!built || !built->failed.empty() || built->turn_lost) {
      if (connection_.alive()) static_cast<void>(connection_.run("rollback"));
      return built;
    }
    const Reply committed = connection_.run("commit");
    if (!committed) {
      if (!committed.error().lost()) static_cast<void>(connection_.run("rollback"));
      return fail(error_of(committed.error(), "commit"));
    }
    return built;
  }

 private:
  Result<ModelBuilt> in_transaction() {
    SLUICE_CHECK(look_at_home());
    SLUICE_CHECK(changes_nothing());
    ModelBuilt built;
    if (model_.materialize == Materialize::view) {
      SLUICE_CHECK(make_view());
    } else {
      SLUICE_CHECK(fill_table(built));
    }
    // What is deferred to the commit would fail where nobody can name it.
    if (const Reply checked = connection_.run("set constraints all immediate"); !checked)
      return fail(not_changed(checked.error()));
    for (const ModelTest& test : model_.tests) {
      const Reply counted = connection_.ask(models::count_sql(test), {});
      if (!counted) return fail(error_of_test(counted.error(), test));
      if (const std::int64_t rows = counted->integer(0, 0); rows == 0) {
        built.passed.push_back(test.name);
      } else {
        built.failed.push_back({test.name, static_cast<std::uint64_t>(rows)});
      }
    }
    return built;
  }

  // CREATE TABLE AS would take a WITH that deletes. As a subquery, which nothing but a SELECT can be; read and not
  // planned.
  Result<void> changes_nothing() {
    const auto no_select = [this] {
      return fail(Fault::config, model_.place.file + ": it must be one SELECT, which changes nothing");
    };
    if (const Reply alone = connection_.describe(model_.sql); !alone) {
      // Of several statements the server tells no place.
      if (alone.error().is("42601") && alone.error().position == 0) return no_select();
      return fail(explained(alone.error(), own_error(alone.error(), 0)));
    }
    const Reply inside = connection_.describe("select * from (" + model_.sql + "\n) as q");
    if (inside) return {};
    if (inside.error().is("42601") || inside.error().is("0A000")) return no_select();
    return fail(explained(inside.error(), own_error(inside.error(), 0)));
  }

  // The model's schema is there, and a table without a schema is looked for in it first.
  Result<void> look_at_home() {
    const std::string& schema = model_.table.schema;
    if (schema.empty()) return {};
    SLUICE_TRY(const std::string make, schema_sql(connection_, schema));
    if (!make.empty()) {
      const Reply made = connection_.run(creation_lock() + make);
      if (!made) {
        Error error = error_of(made.error(), "make schema \"" + schema + "\"");
        if (made.error().is("42501")) {
          error.hint = "let its owner run CREATE SCHEMA " + quoted(schema) + " AUTHORIZATION " +
                       quoted(connection_.user()) + ", or name a schema that is there";
        }
        return fail(std::move(error));
      }
    }
    return search_home();
  }

  // A schema that is not there is passed over.
  Result<void> search_home() {
    const std::string& schema = model_.table.schema;
    if (schema.empty()) return {};
    const Reply set = connection_.ask(
        "select pg_catalog.set_config('search_path', pg_catalog.concat_ws(', ', $1::text, nullif("
        "pg_catalog.current_setting('search_path'), '')), true)",
        Parameters().text(quoted(schema)));
    if (!set) return fail(error_of(set.error(), "set the search path"));
    return {};
  }

  Result<void> make_view() {
    SLUICE_TRY(const std::optional<Table> there, describe(connection_, model_.table));
    if (there && there->kind != 'v') return wrong_kind(*there, "a view");
    const Reply made = connection_.ask("create or replace view " + quoted(model_.table) + " as " + model_.sql, {});
    if (made) {
      SLUICE_TRY(const std::optional<Table> view, describe(connection_, model_.table));
      return view ? models::check_stage(model_, columns_of(*view), {&sql_type, &holds, &compares}) : Result<void>();
    }
    Error error = own_error(made.error(), before_sql());
    if (made.error().is("42P16")) {
      error.hint = "a view that is there keeps its columns, their order and types: DROP VIEW " + quoted(model_.table) +
                   " to have it made again";
    }
    if (made.error().is("42501")) {
      error.hint = "GRANT USAGE, CREATE ON SCHEMA " + quoted(home()) + " TO " + quoted(connection_.user()) +
                   "; a view that is there is changed by its owner alone";
    }
    return fail(explained(made.error(), std::move(error)));
  }

  Result<void> fill_table(ModelBuilt& built) {
    // As one statement: whatever else the text might hold is refused.
    const Reply filled = connection_.ask("create temporary table sluice_model on commit drop as " + model_.sql, {});
    if (!filled) return fail(explained(filled.error(), own_error(filled.error(), before_sql())));
    built.rows = filled->affected();
    SLUICE_TRY(const std::optional<Table> filled_table, describe(connection_, {"pg_temp", "sluice_model"}));
    if (!filled_table) return fail(Fault::failed, connection_.where() + ": the temporary table is gone");
    const models::TableColumns columns = columns_of(*filled_table);
    const models::Dialect dialect{&sql_type, &holds, &compares};
    SLUICE_CHECK(models::check_stage(model_, columns, dialect));
    SLUICE_CHECK(check_keys(columns));
    SLUICE_TRY(std::optional<Table> table, describe(connection_, model_.table));
    if (!table) {
      SLUICE_CHECK(make_table(models::create_table_sql(model_, columns, dialect)));
      SLUICE_TRY(table, describe(connection_, model_.table));
    }
    if (!table) return fail(Fault::conflict, connection_.where() + ": table " + model_.table.text() + " is gone");
    if (table->kind != 'r' && table->kind != 'p') return wrong_kind(*table, "a table");
    const Reply locked = connection_.run("lock table " + quoted(model_.table) + " in share row exclusive mode");
    if (!locked) return fail(not_changed(locked.error()));
    const models::TableColumns there = columns_of(*table);
    SLUICE_CHECK(models::check_table(model_, columns, there, dialect));
    for (const std::string& sql : models::change_sql(model_, columns, there, stage, dialect)) {
      if (const Reply changed = connection_.run(sql); !changed) return fail(not_changed(changed.error()));
    }
    return {};
  }

  Result<void> check_keys(const models::TableColumns& columns) {
    for (const models::KeyCheck& check : models::key_checks(model_, columns, stage)) {
      const Reply counted = connection_.ask(check.sql, {});
      if (!counted) return fail(error_of(counted.error(), "look at its keys"));
      if (const std::int64_t count = counted->integer(0, 0); count > 0) return fail(check.error(model_, count));
    }
    return {};
  }

  Result<void> make_table(const std::string& sql) {
    // Of two processes that find it missing the second waits here, and then for nothing.
    SLUICE_CHECK(run(creation_lock(), "wait for others"));
    SLUICE_TRY(const std::optional<Table> there, describe(connection_, model_.table));
    if (there) return {};
    const Reply made = connection_.run(sql);
    if (made) return {};
    Error error = error_of(made.error(), "make table " + model_.table.text());
    if (made.error().is("42501")) {
      error.hint = "GRANT USAGE, CREATE ON SCHEMA " + quoted(home()) + " TO " + quoted(connection_.user());
    }
    return fail(std::move(error));
  }

  Result<void> run(const std::string& sql, const std::string& what) {
    const Reply done = connection_.run(sql);
    if (!done) return fail(error_of(done.error(), what));
    return {};
  }

  tl::unexpected<Error> wrong_kind(const Table& table, const std::string& wanted) const {
    const std::string is = table.kind == 'v'                        ? "a view"
                           : table.kind == 'r' || table.kind == 'p' ? "a table"
                                                                    : "neither";
    return fail(Fault::conflict,
                connection_.where() + ": " + model_.table.text() + " is " + is + ", but the model is kept as " + wanted,
                "drop it, or change `materialize`");
  }

  // The model's own SQL stands behind our words in their first line, so that lines count alike.
  Error own_error(const ServerError& error, int before) const {
    std::string place = model_.place.file;
    if (error.position > 0) {
      const auto end = static_cast<std::ptrdiff_t>(
          bytes_of(model_.sql, static_cast<std::size_t>(std::max(0, error.position - before - 1))));
      place += ":" + std::to_string(1 + std::count(model_.sql.begin(), model_.sql.begin() + end, '\n'));
    }
    Error out = fault_of_model(error, connection_.error(error, place));
    if (out.hint.empty()) out.hint = advice_on_values(error);
    // Found while the SQL was read, before any row.
    if (error.position > 0 && error.sqlstate.starts_with("22")) out.fault = Fault::config;
    return out;
  }

  // With the names that the server leaves out, or tells among values.
  Error explained(const ServerError& refused, Error error) {
    const bool of_a_row = is_about_a_row(refused) && refused.position == 0 && model_.materialize != Materialize::view;
    if (!refused.is("42701") && !refused.is("42501") && !of_a_row) return error;
    if (!connection_.run("rollback") || !connection_.run("begin read only") || !search_home()) return error;
    if (of_a_row) {
      if (const std::string column = column_not_computed(connection_, model_.sql); !column.empty())
        error.message += ", column \"" + column + "\"";
      return error;
    }
    if (refused.is("42701")) {
      if (const auto twice = columns_given_twice(connection_, model_.sql); !twice.empty()) {
        error.message += ": it gives column \"" + join(twice, "\", \"") + "\" twice";
        error.hint = "give one of the two another name (as ...)";
      }
      return error;
    }
    const std::string user = quoted(connection_.user());
    if (const auto tables = unreadable_tables(connection_, model_.sql); !tables.empty()) {
      error.message += ": user " + user + " may not read " + join(tables, ", ");
      error.hint = "GRANT SELECT ON " + join(tables, ", ") + " TO " + user;
    } else if (model_.materialize != Materialize::view && !may_make_temporary(connection_).value_or(true)) {
      error.message += ": user " + user + " may not make temporary tables";
      error.hint = temporary_grant(connection_);
    } else if (error.hint.empty()) {
      error.hint =
          "GRANT what the SELECT needs to " + user + ": USAGE on schemas, SELECT on tables, EXECUTE on functions";
    }
    return error;
  }

  Error not_changed(const ServerError& refused) {
    const std::string table = model_.table.text();
    Error error = error_of(refused, "change table " + table);
    if (refused.is("42501")) {
      error.hint = "GRANT SELECT, INSERT, UPDATE, DELETE ON " + quoted(model_.table) + " TO " +
                   quoted(connection_.user()) + ", or let that user own it";
    }
    if (!is_referred_to(refused)) return error;
    const std::string other = referring_table(connection_, quoted(model_.table), refused);
    if (other.empty()) return error;
    return {Fault::conflict,
            connection_.where() + ": " + model_.place.file + ": change table " + table +
                ": rows of it are referred to by table " + other + ", and cannot be taken out",
            "say `materialize: upsert` with a `key`, which changes rows in place, or drop that foreign key"};
  }

  std::string home() const { return model_.table.schema.empty() ? "public" : model_.table.schema; }

  // In characters, as the server counts.
  int before_sql() const {
    const std::string words = model_.materialize == Materialize::view
                                  ? "create or replace view " + quoted(model_.table) + " as "
                                  : "create temporary table sluice_model on commit drop as ";
    return static_cast<int>(count_characters(words).count);
  }

  // A row that the table or the SELECT refuses is the data's fault.
  Error error_of(const ServerError& error, const std::string& what) const {
    return fault_of_model(error, connection_.error(error, model_.place.file + ": " + what));
  }
  // A constant of it is found while the SQL is read, before any row.
  Error error_of_test(const ServerError& error, const ModelTest& test) const {
    Error out = error_of(error, test.text());
    if (error.is("0A000")) out.hint = "a test is one SELECT, which changes nothing";
    if (error.position == 0 || !error.sqlstate.starts_with("22")) return out;
    out.fault = Fault::config;
    out.hint = advice_on_values(error);
    return out;
  }
  static Error fault_of_model(const ServerError& error, Error out) {
    if (out.fault == Fault::failed && is_about_a_row(error)) out.fault = Fault::data;
    return out;
  }

  Connection& connection_;
  const Model& model_;
  MayPublish may_publish_;
};

}  // namespace

Result<ModelBuilt> TableDatabase::build_model(const Model& model, const Turn* turn) {
  SLUICE_TRY(Connection * connection, session_.connection());
  if (turn == nullptr) return Build(*connection, model).build();
  return Build(*connection, model, [this, turn](Connection& in) { return ledger_.lock_turn(in, *turn); }).build();
}

Result<void> TableDatabase::check_model(const Model& model) {
  SLUICE_TRY(Connection * connection, session_.connection());
  return Build(*connection, model).check();
}

}  // namespace sluice::postgres
