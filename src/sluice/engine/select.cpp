#include "sluice/engine/select.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "duckdb/parser/keyword_helper.hpp"
#include "duckdb/planner/operator/logical_order.hpp"
#include "sluice/engine/duck_database.hpp"
#include "sluice/engine/functions.hpp"
#include "sluice/engine/object_files.hpp"
#include "sluice/engine/plan_walk.hpp"
#include "sluice/engine/planning.hpp"
#include "sluice/engine/query_lineage.hpp"
#include "sluice/engine/row_trace.hpp"
#include "sluice/engine/types.hpp"

namespace sluice::engine {
namespace {

constexpr const char* input_function = "sluice_input";
constexpr const char* row_column_name = "__sluice_row";

// The rows a scan of `input` gives: set before each execution, read by the table function.
struct InputSlot final : duckdb::ClientContextState {
  static constexpr const char* key = "sluice_input_slot";
  Schema record;                // columns that `*` means
  std::vector<Vector> vectors;  // the record's columns, then the message's own
  bool of_messages = true;
  std::size_t first = 0;
  std::size_t count = 0;
};

struct InputBind final : duckdb::FunctionData {
  explicit InputBind(duckdb::shared_ptr<InputSlot> from) : slot(std::move(from)) {}
  duckdb::unique_ptr<FunctionData> Copy() const override { return duckdb::make_uniq<InputBind>(slot); }
  bool Equals(const FunctionData& other) const override { return other.Cast<InputBind>().slot == slot; }
  duckdb::shared_ptr<InputSlot> slot;
};

struct InputScan final : duckdb::GlobalTableFunctionState {
  duckdb::vector<duckdb::column_t> columns;
  std::size_t done = 0;
};

// The message's own columns and the row number come after all that `*` means.
duckdb::column_t own_column(std::size_t number) { return duckdb::VIRTUAL_COLUMN_START + number; }
duckdb::column_t row_column() { return own_column(message_columns().size()); }

duckdb::unique_ptr<duckdb::FunctionData> bind_input(duckdb::ClientContext& context, duckdb::TableFunctionBindInput&,
                                                    duckdb::vector<duckdb::LogicalType>& types,
                                                    duckdb::vector<std::string>& names) {
  auto slot = context.registered_state->Get<InputSlot>(InputSlot::key);
  if (!slot) throw duckdb::BinderException("there is no input here");
  for (const Field& field : slot->record) {
    types.push_back(to_duck(field.type));
    names.push_back(field.name);
  }
  return duckdb::make_uniq<InputBind>(std::move(slot));
}

duckdb::virtual_column_map_t virtual_columns(duckdb::ClientContext&, duckdb::optional_ptr<duckdb::FunctionData> bound) {
  duckdb::virtual_column_map_t columns;
  const bool of_messages = bound->Cast<InputBind>().slot->of_messages;
  for (std::size_t i = 0; of_messages && i < message_columns().size(); ++i) {
    const Field& field = message_columns()[i];
    columns.emplace(own_column(i), duckdb::TableColumn(field.name, to_duck(field.type)));
  }
  columns.emplace(row_column(), duckdb::TableColumn(row_column_name, duckdb::LogicalType::BIGINT));
  return columns;
}

duckdb::unique_ptr<duckdb::GlobalTableFunctionState> open_scan(duckdb::ClientContext&,
                                                               duckdb::TableFunctionInitInput& input) {
  auto scan = duckdb::make_uniq<InputScan>();
  scan->columns = input.column_ids;
  return scan;
}

// Points a DuckDB vector at our values: nothing is copied, but for uuids.
void view(const Vector& from, Kind kind, std::size_t at, std::size_t count, duckdb::Vector& to) {
  if (kind == Kind::uuid) {
    auto* numbers = duckdb::FlatVector::GetData<duckdb::hugeint_t>(to);
    const auto* bytes = static_cast<const std::uint8_t*>(from.values) + at * 16;
    for (std::size_t i = 0; i < count; ++i) numbers[i] = uuid_to_duck(bytes + i * 16);
  } else {
    auto* values = static_cast<std::uint8_t*>(const_cast<void*>(from.values));
    duckdb::FlatVector::SetData(to, values + at * width_of(kind));
  }
  if (from.valid == nullptr) return;
  auto& valid = duckdb::FlatVector::Validity(to);
  for (std::size_t i = 0; i < count; ++i) {
    if (from.is_null(at + i)) valid.SetInvalid(i);
  }
}

void scan_input(duckdb::ClientContext&, duckdb::TableFunctionInput& data, duckdb::DataChunk& output) {
  auto& scan = data.global_state->Cast<InputScan>();
  const InputSlot& slot = *data.bind_data->Cast<InputBind>().slot;
  const std::size_t count = std::min<std::size_t>(slot.count - scan.done, STANDARD_VECTOR_SIZE);
  const std::size_t at = slot.first + scan.done;
  if (count > 0) {
    for (std::size_t i = 0; i < scan.columns.size(); ++i) {
      const duckdb::column_t id = scan.columns[i];
      duckdb::Vector& to = output.data[i];
      if (id == row_column()) {
        auto* rows = duckdb::FlatVector::GetData<std::int64_t>(to);
        for (std::size_t row = 0; row < count; ++row) rows[row] = static_cast<std::int64_t>(at + row);
      } else if (id < slot.record.size()) {
        view(slot.vectors[id], slot.record[id].type.kind, at, count, to);
      } else {
        const std::size_t own = id - own_column(0);
        view(slot.vectors[slot.record.size() + own], message_columns()[own].type.kind, at, count, to);
      }
    }
  }
  scan.done += count;
  output.SetCardinality(count);
}

duckdb::unique_ptr<duckdb::TableRef> find_input(duckdb::ClientContext&, duckdb::ReplacementScanInput& name,
                                                duckdb::optional_ptr<duckdb::ReplacementScanData>) {
  if (!duckdb::StringUtil::CIEquals(name.table_name, "input")) return nullptr;
  auto call = duckdb::make_uniq<duckdb::TableFunctionRef>();
  call->function = duckdb::make_uniq<duckdb::FunctionExpression>(
      input_function, duckdb::vector<duckdb::unique_ptr<duckdb::ParsedExpression>>{});
  call->alias = "input";
  return call;
}

// DuckDB copies a statement before it prepares it, which a plan refuses; the copy is only looked at again when
// a statement must be bound anew, and ours never is: it depends on nothing that changes.
class PlanStatement final : public duckdb::LogicalPlanStatement {
 public:
  explicit PlanStatement(duckdb::unique_ptr<duckdb::LogicalOperator> planned)
      : LogicalPlanStatement(std::move(planned)) {}
  duckdb::unique_ptr<SQLStatement> Copy() const override { return duckdb::make_uniq<PlanStatement>(nullptr); }
  std::string ToString() const override { return "sluice select"; }
};

// An expression that cannot be computed for some value of a row, as against a query that cannot be run.
bool is_about_a_row(duckdb::ExceptionType type) {
  using duckdb::ExceptionType;
  switch (type) {
    case ExceptionType::OUT_OF_RANGE:
    case ExceptionType::CONVERSION:
    case ExceptionType::MISMATCH_TYPE:
    case ExceptionType::DIVIDE_BY_ZERO:
    case ExceptionType::INVALID_TYPE:
    case ExceptionType::INVALID_INPUT:
    case ExceptionType::DECIMAL:
    case ExceptionType::SYNTAX:  // a regular expression made from a value
    case ExceptionType::PARAMETER_NOT_ALLOWED:
    case ExceptionType::OBJECT_SIZE:
    case ExceptionType::CONSTRAINT: return true;
    default: return false;
  }
}

// The message itself may hold a value ("Could not convert string '...'"): only the class is kept.
RowFault row_fault(const duckdb::ErrorData& error) {
  std::string_view message = error.RawMessage();
  if (const std::size_t mark = message.find(refusal_mark); mark == 0 && message.find('\n') == std::string_view::npos) {
    message.remove_prefix(refusal_mark.size());
    const std::size_t colon = message.find(": ");
    const std::string function(message.substr(0, colon));
    const std::string reason(message.substr(colon + 2));
    return {function.starts_with("mask_"), reason, function + " refuses the value"};
  }
  std::string reason = duckdb::StringUtil::Lower(duckdb::Exception::ExceptionTypeToString(error.Type()));
  std::ranges::replace(reason, ' ', '_');
  return {false, reason + "_error", "an expression of the select cannot be computed for this row"};
}

// Values that came out of DuckDB, and what else a Batch points at.
struct Owned {
  duckdb::unique_ptr<duckdb::DataChunk> chunk;
  std::vector<std::uint32_t> origin;
  std::vector<std::vector<std::uint8_t>> uuids;
};

class DuckSelect final : public Select {
 public:
  explicit DuckSelect(duckdb::DuckDB& database)
      : database_(database), connection_(database), slot_(duckdb::make_shared_ptr<InputSlot>()) {}

  Result<void> prepare(const SelectOptions& options) {
    options_ = options;
    for (const RecordField& field : options.record.fields) slot_->record.push_back({field.name, field.type});
    slot_->of_messages = options.of_messages;
    connection_.context->registered_state->Insert(InputSlot::key, slot_);
    relations_.push_back(input_relation(options.record));
    std::string refused;
    try {
      auto statement = parse_select(*connection_.context, options.sql);
      if (!statement) return not_one_select(options.place);
      connection_.context->RunFunctionInTransaction([&] {
        auto plan = bind(std::move(statement), refused);
        if (refused.empty()) plan_ = std::move(plan);
      });
      if (!refused.empty()) return fail(Fault::config, options.place.text() + ": select: " + refused);
      statement_ = connection_.Prepare(duckdb::make_uniq<PlanStatement>(std::move(plan_)));
      if (statement_->HasError()) return planning_error(statement_->GetErrorObject(), options.sql, options.place);
    } catch (const std::exception& error) {
      return planning_error(duckdb::ErrorData(error), options.sql, options.place);
    }
    return {};
  }

  // The columns are tried alone, one after the other: DuckDB computes only what is asked for, and what stands in every
  // one of them is a filter or an unnest.
  std::string refusing_column(const InputView& input, std::size_t row) override {
    if (alone_.empty()) {
      alone_.push_back(part("1"));
      for (const Field& field : *schema_) alone_.push_back(part(duckdb::KeywordHelper::WriteQuoted(field.name, '"')));
    }
    for (std::size_t i = 0; i < alone_.size(); ++i) {
      std::vector<Batch> dropped;
      if (!alone_[i]) return {};
      const auto fault = alone_[i]->run(input, row, 1, dropped);
      if (!fault) return {};
      if (*fault) return i == 0 ? std::string() : (*schema_)[i - 1].name;
    }
    return {};
  }

  const Schema& columns() const override { return *schema_; }
  const Lineage& lineage() const override { return lineage_; }

  Result<std::optional<RowFault>> run(const InputView& input, std::size_t first, std::size_t count,
                                      std::vector<Batch>& out) override {
    const std::size_t before = out.size();
    slot_->vectors = input.vectors;
    slot_->first = first;
    slot_->count = count;
    duckdb::ErrorData error;
    try {
      duckdb::vector<duckdb::Value> none;
      auto result = statement_->Execute(none, true);
      while (!result->HasError()) {
        auto chunk = result->Fetch();
        if (!chunk || chunk->size() == 0) break;
        out.push_back(to_batch(std::move(chunk), input));
      }
      if (result->HasError()) error = result->GetErrorObject();
    } catch (const std::exception& thrown) {
      error = duckdb::ErrorData(thrown);
    }
    if (!error.HasError()) return std::nullopt;
    out.resize(before);
    if (auto file = ObjectFiles::error_of(error)) return fail((*std::move(file)).within("select"));
    // DuckDB's readers name their file in what they say; no row is at fault then.
    if (joined_ && (names_an_object(error.RawMessage()) || error.Type() == duckdb::ExceptionType::OUT_OF_MEMORY))
      return fail(unreadable_object(error).within("select"));
    if (is_about_a_row(error.Type())) return row_fault(error);
    return fail(
        Fault::failed, "select: " + duckdb::Exception::ExceptionTypeToString(error.Type()) + " error in DuckDB",
        error.Type() == duckdb::ExceptionType::OUT_OF_MEMORY ? "a row needs more memory than select may take" : "");
  }

 private:
  duckdb::unique_ptr<duckdb::LogicalOperator> bind(duckdb::unique_ptr<duckdb::SQLStatement> statement,
                                                   std::string& refused) {
    duckdb::Planner planner(*connection_.context);
    planner.CreatePlan(std::move(statement));
    lineage_ = lineage_of_plan(*planner.plan, {planner.names.begin(), planner.names.end()}, relations_,
                               [this](const duckdb::LogicalGet& get) {
                                 return get.function.name == input_function ? relations_.data() : nullptr;
                               });
    // CTEs are put in place, so that the walk below meets only the operators it knows.
    duckdb::Optimizer optimizer(*planner.binder, *connection_.context);
    duckdb::CTEInlining inlining(optimizer);
    auto plan = inlining.Optimize(std::move(planner.plan));

    const duckdb::vector<duckdb::ColumnBinding> bindings = plan->GetColumnBindings();
    const RowTrace trace = trace_rows(*plan, input_function, row_column());
    if (!trace.error.empty()) {
      refused = trace.error;
      return nullptr;
    }
    joined_ = trace.joined;
    if (trace.joined) plan = in_order(std::move(plan), trace.row);
    // On top of it all: every column in the type in which it leaves, then the row number.
    auto schema = std::make_shared<Schema>();
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>> expressions;
    for (std::size_t i = 0; i < planner.types.size(); ++i) {
      const auto outgoing = from_duck(planner.types[i]);
      if (!outgoing) {
        refused = "column \"" + planner.names[i] + "\" has the type " + planner.types[i].ToString() +
                  ", which cannot be moved; cast it";
        return nullptr;
      }
      schema->push_back({planner.names[i], outgoing->type});
      expressions.push_back(duckdb::BoundCastExpression::AddCastToType(
          *connection_.context, duckdb::make_uniq<duckdb::BoundColumnRefExpression>(planner.types[i], bindings[i]),
          outgoing->cast_to));
    }
    if (const std::string twice = twice_in(*schema); !twice.empty()) {
      refused = "two columns are called \"" + twice + "\"; give one another name (as ...)";
      return nullptr;
    }
    expressions.push_back(duckdb::make_uniq<duckdb::BoundColumnRefExpression>(duckdb::LogicalType::BIGINT, trace.row));
    auto top =
        duckdb::make_uniq<duckdb::LogicalProjection>(planner.binder->GenerateTableIndex(), std::move(expressions));
    top->children.push_back(std::move(plan));
    top->ResolveOperatorTypes();
    schema_ = std::move(schema);
    return top;
  }

  // Rows of one message must stand together and in order; a join may give them in any.
  static duckdb::unique_ptr<duckdb::LogicalOperator> in_order(duckdb::unique_ptr<duckdb::LogicalOperator> plan,
                                                              const duckdb::ColumnBinding& row) {
    duckdb::vector<duckdb::BoundOrderByNode> by;
    by.emplace_back(duckdb::OrderType::ASCENDING, duckdb::OrderByNullType::NULLS_LAST,
                    duckdb::make_uniq<duckdb::BoundColumnRefExpression>(duckdb::LogicalType::BIGINT, row));
    auto order = duckdb::make_uniq<duckdb::LogicalOrder>(std::move(by));
    order->children.push_back(std::move(plan));
    return order;
  }

  static std::string twice_in(const Schema& schema) {
    for (std::size_t i = 0; i < schema.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (schema[i].name == schema[j].name) return schema[i].name;
      }
    }
    return {};
  }

  Batch to_batch(duckdb::unique_ptr<duckdb::DataChunk> chunk, const InputView& input) {
    chunk->Flatten();
    auto owned = std::make_shared<Owned>();
    const std::size_t rows = chunk->size();
    const std::size_t columns = schema_->size();
    const auto* numbers = duckdb::FlatVector::GetData<std::int64_t>(chunk->data[columns]);
    owned->origin.resize(rows);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto number = static_cast<std::size_t>(numbers[row]);
      owned->origin[row] = input.origin == nullptr ? static_cast<std::uint32_t>(number) : input.origin[number];
    }
    Batch batch;
    batch.schema = schema_;
    batch.rows = rows;
    batch.vectors.reserve(columns);
    for (std::size_t i = 0; i < columns; ++i) {
      duckdb::Vector& vector = chunk->data[i];
      Vector ours{duckdb::FlatVector::GetData(vector), duckdb::FlatVector::Validity(vector).GetData()};
      if ((*schema_)[i].type.kind == Kind::uuid) {
        std::vector<std::uint8_t>& bytes = owned->uuids.emplace_back(rows * 16);
        for (std::size_t row = 0; row < rows; ++row) {
          uuid_from_duck(duckdb::FlatVector::GetData<duckdb::hugeint_t>(vector)[row], bytes.data() + row * 16);
        }
        ours.values = bytes.data();
      }
      batch.vectors.push_back(ours);
    }
    batch.origin = owned->origin.data();
    owned->chunk = std::move(chunk);
    batch.owner = std::move(owned);
    return batch;
  }

  // Null where it cannot be prepared.
  std::unique_ptr<DuckSelect> part(const std::string& column) const {
    SelectOptions options = options_;
    const std::size_t end = options.sql.find_last_not_of("; \t\r\n");
    options.sql = "select " + column + " as part from (" + options.sql.substr(0, end + 1) + "\n) as whole";
    auto select = std::make_unique<DuckSelect>(database_);
    if (!select->prepare(options)) return nullptr;
    return select;
  }

  duckdb::DuckDB& database_;
  duckdb::Connection connection_;
  SelectOptions options_;
  std::vector<std::unique_ptr<DuckSelect>> alone_;  // made for the first row that is refused
  duckdb::shared_ptr<InputSlot> slot_;
  duckdb::unique_ptr<duckdb::LogicalOperator> plan_;
  duckdb::unique_ptr<duckdb::PreparedStatement> statement_;
  std::shared_ptr<const Schema> schema_;
  std::vector<Relation> relations_;  // `input` alone
  Lineage lineage_;
  bool joined_ = false;  // with objects
};

class DuckEngine final : public Engine {
 public:
  Result<void> start(const EngineOptions& options) {
    try {
      duckdb::DBConfig config;
      config.SetOptionByName("threads", duckdb::Value::BIGINT(1));
      config.SetOptionByName("memory_limit", duckdb::Value(std::to_string(options.memory_max >> 20U) + "MiB"));
      config.SetOptionByName("temp_directory", duckdb::Value(""));
      config.SetOptionByName("autoinstall_known_extensions", duckdb::Value::BOOLEAN(false));
      config.SetOptionByName("autoload_known_extensions", duckdb::Value::BOOLEAN(false));
      config.replacement_scans.emplace_back(find_input);
      database_ = std::make_unique<duckdb::DuckDB>(nullptr, &config);
      duckdb::Connection connection(*database_);
      constexpr std::int64_t micros_a_day = 86'400'000'000;
      register_functions(connection, options.keyring, options.run_micros,
                         options.run_day.value_or(static_cast<std::int32_t>(options.run_micros / micros_a_day)));
      register_input(connection);
      database_->GetFileSystem().RegisterSubSystem(duckdb::make_uniq<ObjectFiles>(options.files));
      for (const char* lock :
           {ObjectFiles::allowed(), "set enable_external_access = false", "set lock_configuration = true"}) {
        if (auto result = connection.Query(lock); result->HasError()) {
          return fail(Fault::failed, "the embedded DuckDB cannot be locked down");
        }
      }
    } catch (const std::exception& error) {
      return fail(Fault::failed, std::string("the embedded DuckDB does not start: ") + error.what());
    }
    return {};
  }

  Result<std::unique_ptr<Select>> prepare(const SelectOptions& options) override {
    auto select = std::make_unique<DuckSelect>(*database_);
    SLUICE_CHECK(select->prepare(options));
    return std::unique_ptr<Select>(std::move(select));
  }

  Result<Lineage> trace(const TraceOptions& options) override { return lineage_of_query(*database_, options); }

 private:
  static void register_input(duckdb::Connection& connection) {
    duckdb::TableFunction function(input_function, {}, scan_input, bind_input, open_scan);
    function.projection_pushdown = true;
    function.get_virtual_columns = virtual_columns;
    connection.BeginTransaction();
    duckdb::CreateTableFunctionInfo info(function);
    info.internal = true;
    duckdb::Catalog::GetSystemCatalog(*connection.context).CreateTableFunction(*connection.context, info);
    connection.Commit();
  }

  std::unique_ptr<duckdb::DuckDB> database_;
};

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
  auto engine = std::make_unique<DuckEngine>();
  SLUICE_CHECK(engine->start(options));
  return std::unique_ptr<Engine>(std::move(engine));
}

std::string duckdb_version() { return duckdb::DuckDB::LibraryVersion(); }

}  // namespace sluice::engine
