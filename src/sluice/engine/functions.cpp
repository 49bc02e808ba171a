#include "sluice/engine/functions.hpp"

#include <algorithm>
#include <vector>

#include "sluice/engine/duck_database.hpp"
#include "sluice/mask/canonical.hpp"
#include "sluice/mask/keyring.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::engine {
namespace {

[[noreturn]] void refuse(std::string_view function, std::string_view reason) {
  throw duckdb::InvalidInputException(std::string(refusal_mark) + std::string(function) + ": " + std::string(reason));
}

[[noreturn]] void refuse_without_keyring(const std::string& function) {
  throw duckdb::BinderException(function +
                                " needs a keyring: name one by `keys: keys.json` in the project file, and make it with "
                                "`sluice keys init keys.json`");
}

struct MaskInfo final : duckdb::ScalarFunctionInfo {
  MaskInfo(const mask::MaskKind& kind_of, const mask::Keyring* ring) : kind(kind_of), keyring(ring) {}
  const mask::MaskKind& kind;
  const mask::Keyring* keyring;
};

// One use of a mask in a select: which function, with which constants.
struct MaskUse final : duckdb::FunctionData {
  MaskUse(const MaskInfo& of, mask::MaskArguments with) : info(of), arguments(std::move(with)) {}
  duckdb::unique_ptr<FunctionData> Copy() const override { return duckdb::make_uniq<MaskUse>(info, arguments); }
  bool Equals(const FunctionData& other_data) const override {
    const auto& other = other_data.Cast<MaskUse>();
    return &info.kind == &other.info.kind && arguments == other.arguments;
  }
  // Under key `id`; empty: the primary one.
  std::unique_ptr<mask::Mask> make(std::string_view id = {}) const {
    auto made = mask::make_mask(info.kind, info.keyring, arguments, id);
    if (!made) throw duckdb::BinderException(made.error().text());
    return std::move(*made);
  }
  const MaskInfo& info;
  mask::MaskArguments arguments;
};

// The reason of one reveal().
struct RevealUse final : duckdb::FunctionData {
  explicit RevealUse(std::string because) : reason(std::move(because)) {}
  duckdb::unique_ptr<FunctionData> Copy() const override { return duckdb::make_uniq<RevealUse>(reason); }
  bool Equals(const FunctionData& other) const override { return reason == other.Cast<RevealUse>().reason; }
  std::string reason;
};

// The keyed state, one a thread: keys are derived here, once, not a value.
struct MaskState final : duckdb::FunctionLocalState {
  std::unique_ptr<mask::Mask> mask;
  std::string token;
  std::vector<duckdb::string_t> tokens;  // of a dictionary's entries
  std::vector<bool> masked;              // which of these were met
};

std::string constant_text(duckdb::ClientContext& context, const duckdb::Expression& argument,
                          const std::string& function, std::string_view what) {
  const std::string place = function + ": the " + std::string(what);
  if (!argument.IsFoldable()) throw duckdb::BinderException(place + " must be a constant");
  const duckdb::Value value = duckdb::ExpressionExecutor::EvaluateScalar(context, argument);
  if (value.IsNull()) throw duckdb::BinderException(place + " must not be null");
  return value.ToString();
}

std::size_t inputs_of(const mask::MaskKind& kind) { return kind.input == mask::MaskInput::date ? 2 : 1; }

duckdb::unique_ptr<duckdb::FunctionData> bind_mask(duckdb::ClientContext& context, duckdb::ScalarFunction& function,
                                                   duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& arguments) {
  const auto& info = function.function_info->Cast<MaskInfo>();
  if (info.kind.keyed && info.keyring == nullptr) refuse_without_keyring(function.name);
  mask::MaskArguments constants;
  const std::size_t inputs = inputs_of(info.kind);
  for (std::size_t i = inputs; i < arguments.size(); ++i) {
    constants.push_back(constant_text(context, *arguments[i], function.name, info.kind.parameters[i - inputs].name));
  }
  auto use = duckdb::make_uniq<MaskUse>(info, std::move(constants));
  use->make();  // for what it says of the arguments
  return use;
}

duckdb::unique_ptr<duckdb::FunctionLocalState> open_mask(duckdb::ExpressionState&,
                                                         const duckdb::BoundFunctionExpression&,
                                                         duckdb::FunctionData* data) {
  auto state = duckdb::make_uniq<MaskState>();
  state->mask = data->Cast<MaskUse>().make();
  return state;
}

// Masks a vector of texts. Constants are masked once; of a dictionary each entry that is met, once: an entry that no
// row points at must not be masked, as it may be one that is refused.
class TextMasking {
 public:
  TextMasking(MaskState& state, const mask::MaskKind& kind, duckdb::Vector& result)
      : state_(state), kind_(kind), result_(result) {}

  void run(duckdb::Vector& input, duckdb::idx_t count) {
    using duckdb::VectorType;
    if (kind_.repeatable && input.GetVectorType() == VectorType::CONSTANT_VECTOR) {
      result_.SetVectorType(VectorType::CONSTANT_VECTOR);
      count = 1;
    } else {
      result_.SetVectorType(VectorType::FLAT_VECTOR);
    }
    duckdb::UnifiedVectorFormat format;
    input.ToUnifiedFormat(count, format);
    const auto* values = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
    auto* tokens = duckdb::FlatVector::GetData<duckdb::string_t>(result_);
    const std::size_t entries = kind_.repeatable ? entries_of(input, count) : 0;
    if (entries != 0) {
      state_.tokens.resize(entries);
      state_.masked.assign(entries, false);
    }
    for (duckdb::idx_t row = 0; row < count; ++row) {
      const duckdb::idx_t at = format.sel->get_index(row);
      if (!format.validity.RowIsValid(at)) {
        set_null(row);
      } else if (entries == 0) {
        tokens[row] = token_of(values[at]);
      } else {
        if (!state_.masked[at]) {
          state_.tokens[at] = token_of(values[at]);
          state_.masked[at] = true;
        }
        tokens[row] = state_.tokens[at];
      }
    }
  }

 private:
  // 0: not a dictionary, or one that is larger than what is read of it.
  static std::size_t entries_of(const duckdb::Vector& input, duckdb::idx_t count) {
    if (input.GetVectorType() != duckdb::VectorType::DICTIONARY_VECTOR) return 0;
    const auto size = duckdb::DictionaryVector::DictionarySize(input);
    if (!size.IsValid() || size.GetIndex() > count) return 0;
    return size.GetIndex();
  }

  void set_null(duckdb::idx_t row) {
    if (result_.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR) {
      duckdb::ConstantVector::SetNull(result_, true);
    } else {
      duckdb::FlatVector::SetNull(result_, row, true);
    }
  }

  duckdb::string_t token_of(const duckdb::string_t& value) {
    const char* refusal = state_.mask->mask({value.GetData(), value.GetSize()}, state_.token);
    if (refusal != nullptr) refuse(kind_.function, refusal);
    return duckdb::StringVector::AddString(result_, state_.token.data(), state_.token.size());
  }

  MaskState& state_;
  const mask::MaskKind& kind_;
  duckdb::Vector& result_;
};

void run_mask(duckdb::DataChunk& arguments, duckdb::ExpressionState& expression, duckdb::Vector& result) {
  auto& state = duckdb::ExecuteFunctionState::GetFunctionState(expression)->Cast<MaskState>();
  const auto& use = expression.expr.Cast<duckdb::BoundFunctionExpression>().bind_info->Cast<MaskUse>();
  TextMasking(state, use.info.kind, result).run(arguments.data[0], arguments.size());
}

// The same under each key that values may be masked with.
struct AllState final : duckdb::FunctionLocalState {
  std::vector<std::unique_ptr<mask::Mask>> masks;
  std::string token;
};

duckdb::unique_ptr<duckdb::FunctionLocalState> open_all(duckdb::ExpressionState&,
                                                        const duckdb::BoundFunctionExpression&,
                                                        duckdb::FunctionData* data) {
  const auto& use = data->Cast<MaskUse>();
  auto state = duckdb::make_uniq<AllState>();
  for (const std::string& id : use.info.keyring->masking_ids()) state->masks.push_back(use.make(id));
  return state;
}

// A list of tokens, that of the primary key first.
void run_all(duckdb::DataChunk& arguments, duckdb::ExpressionState& expression, duckdb::Vector& result) {
  auto& state = duckdb::ExecuteFunctionState::GetFunctionState(expression)->Cast<AllState>();
  const auto& use = expression.expr.Cast<duckdb::BoundFunctionExpression>().bind_info->Cast<MaskUse>();
  duckdb::UnifiedVectorFormat format;
  arguments.data[0].ToUnifiedFormat(arguments.size(), format);
  const auto* values = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(format);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  duckdb::ListVector::Reserve(result, arguments.size() * state.masks.size());
  auto& tokens = duckdb::ListVector::GetEntry(result);
  auto* out = duckdb::FlatVector::GetData<duckdb::string_t>(tokens);
  auto* lists = duckdb::FlatVector::GetData<duckdb::list_entry_t>(result);
  duckdb::idx_t size = 0;
  for (duckdb::idx_t row = 0; row < arguments.size(); ++row) {
    const duckdb::idx_t at = format.sel->get_index(row);
    lists[row] = {size, 0};
    if (!format.validity.RowIsValid(at)) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    for (const auto& mask : state.masks) {
      const char* refusal = mask->mask({values[at].GetData(), values[at].GetSize()}, state.token);
      if (refusal != nullptr) refuse(use.info.kind.function, refusal);
      out[size++] = duckdb::StringVector::AddString(tokens, state.token.data(), state.token.size());
    }
    lists[row].length = state.masks.size();
  }
  duckdb::ListVector::SetListSize(result, size);
}

constexpr std::int64_t micros_per_day = 86'400'000'000;

// False: before the first or after the last day that can be masked. Infinity is neither.
bool in_range(duckdb::date_t date) { return date.days >= mask::date_min && date.days <= mask::date_max; }
bool in_range(duckdb::timestamp_t time) {
  return time.value >= mask::date_min * micros_per_day && time.value < (mask::date_max + 1) * micros_per_day;
}
duckdb::date_t moved(duckdb::date_t date, std::int32_t days) { return duckdb::date_t(date.days + days); }
duckdb::timestamp_t moved(duckdb::timestamp_t time, std::int32_t days) {
  return duckdb::timestamp_t(time.value + days * micros_per_day);
}

// A date or a timestamp and its entity. A date without entity cannot be masked; no date is no date.
template <class Time>
void run_date_mask(duckdb::DataChunk& arguments, duckdb::ExpressionState& expression, duckdb::Vector& result) {
  auto& state = duckdb::ExecuteFunctionState::GetFunctionState(expression)->Cast<MaskState>();
  const auto& use = expression.expr.Cast<duckdb::BoundFunctionExpression>().bind_info->Cast<MaskUse>();
  const std::string_view function = use.info.kind.function;
  duckdb::UnifiedVectorFormat times;
  duckdb::UnifiedVectorFormat entities;
  arguments.data[0].ToUnifiedFormat(arguments.size(), times);
  arguments.data[1].ToUnifiedFormat(arguments.size(), entities);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* out = duckdb::FlatVector::GetData<Time>(result);
  for (duckdb::idx_t row = 0; row < arguments.size(); ++row) {
    const duckdb::idx_t time_at = times.sel->get_index(row);
    const duckdb::idx_t entity_at = entities.sel->get_index(row);
    if (!times.validity.RowIsValid(time_at)) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    if (!entities.validity.RowIsValid(entity_at)) refuse(function, "no_entity");
    const auto& entity = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(entities)[entity_at];
    std::int32_t days = 0;
    if (const char* refusal = state.mask->days({entity.GetData(), entity.GetSize()}, days)) refuse(function, refusal);
    const Time time = duckdb::UnifiedVectorFormat::GetData<Time>(times)[time_at];
    if (!in_range(time) || !in_range(moved(time, days))) refuse(function, "out_of_range");
    out[row] = moved(time, days);
  }
}

duckdb::unique_ptr<duckdb::FunctionData> bind_reveal(
    duckdb::ClientContext&, duckdb::ScalarFunction& function,
    duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& arguments) {
  const duckdb::Expression& reason = *arguments[1];
  std::string text;
  if (reason.GetExpressionClass() == duckdb::ExpressionClass::BOUND_CONSTANT && !reason.HasParameter()) {
    const duckdb::Value& value = reason.Cast<duckdb::BoundConstantExpression>().value;
    if (!value.IsNull() && value.type().id() == duckdb::LogicalTypeId::VARCHAR) text = value.ToString();
  }
  duckdb::StringUtil::Trim(text);
  const bool one_line = std::ranges::none_of(text, [](unsigned char c) { return c < ' '; });
  if (text.empty() || text.size() > 200 || !one_line) {
    throw duckdb::BinderException(
        "reveal: the second argument says why the value may pass in clear: a literal text of 1 to 200 characters on "
        "one line");
  }
  function.arguments[0] = arguments[0]->return_type;
  function.return_type = arguments[0]->return_type;
  return duckdb::make_uniq<RevealUse>(std::move(text));
}

void run_reveal(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  result.Reference(arguments.data[0]);
}

void run_version_int(duckdb::DataChunk& arguments, duckdb::ExpressionState&, duckdb::Vector& result) {
  duckdb::UnaryExecutor::Execute<duckdb::string_t, std::int32_t>(
      arguments.data[0], result, arguments.size(), [](const duckdb::string_t& value) {
        const auto number = version_int({value.GetData(), value.GetSize()});
        if (!number) refuse("version_int", "malformed_version");
        return *number;
      });
}

// One function for each number of arguments that may be given, and each type of the value.
duckdb::ScalarFunctionSet functions_of(const mask::MaskKind& kind, const mask::Keyring* keyring) {
  using duckdb::LogicalType;
  duckdb::ScalarFunctionSet set{std::string(kind.function)};
  const auto add = [&](const LogicalType& type, std::size_t count, duckdb::scalar_function_t run) {
    duckdb::vector<LogicalType> types{type};
    if (kind.input == mask::MaskInput::date) types.push_back(LogicalType::VARCHAR);
    for (std::size_t i = 0; i < count; ++i)
      types.push_back(kind.parameters[i].number ? LogicalType::INTEGER : LogicalType::VARCHAR);
    duckdb::ScalarFunction function(std::string(kind.function), types, type, std::move(run), bind_mask);
    function.init_local_state = open_mask;
    function.function_info = duckdb::make_shared_ptr<MaskInfo>(kind, keyring);
    function.stability = kind.repeatable ? duckdb::FunctionStability::CONSISTENT : duckdb::FunctionStability::VOLATILE;
    // Refusals are thrown; without this DuckDB evaluates entries of dictionaries that no row points at.
    function.errors = duckdb::FunctionErrors::CAN_THROW_RUNTIME_ERROR;
    // Else DuckDB makes NULL of a call with a NULL in it: a date without its entity would be lost, not refused.
    function.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
    set.AddFunction(function);
  };
  for (std::size_t count = kind.required(); count <= kind.parameters.size(); ++count) {
    if (kind.input == mask::MaskInput::date) {
      add(LogicalType::DATE, count, run_date_mask<duckdb::date_t>);
      add(LogicalType::TIMESTAMP, count, run_date_mask<duckdb::timestamp_t>);
    } else {
      add(LogicalType::VARCHAR, count, run_mask);
    }
  }
  return set;
}

// mask_hmac_all, mask_siv_all, ...: for looking a value up among tokens of several keys.
duckdb::ScalarFunctionSet all_of(const mask::MaskKind& kind, const mask::Keyring* keyring) {
  using duckdb::LogicalType;
  const std::string name = std::string(kind.function) + "_all";
  duckdb::ScalarFunctionSet set{name};
  for (std::size_t count = kind.required(); count <= kind.parameters.size(); ++count) {
    const duckdb::vector<LogicalType> types(count + 1, LogicalType::VARCHAR);
    duckdb::ScalarFunction function(name, types, LogicalType::LIST(LogicalType::VARCHAR), run_all, bind_mask);
    function.init_local_state = open_all;
    function.function_info = duckdb::make_shared_ptr<MaskInfo>(kind, keyring);
    function.errors = duckdb::FunctionErrors::CAN_THROW_RUNTIME_ERROR;
    function.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
    set.AddFunction(function);
  }
  return set;
}

duckdb::ScalarFunction constant(const char* name, duckdb::Value value) {
  const duckdb::LogicalType type = value.type();
  return {name, {}, type, [value](duckdb::DataChunk&, duckdb::ExpressionState&, duckdb::Vector& result) {
            result.Reference(value);
          }};
}

// The id of the key that masks use: for a column that tells it where tokens do not.
duckdb::ScalarFunction mask_key(const mask::Keyring* keyring) {
  duckdb::ScalarFunction function = constant("mask_key", duckdb::Value(keyring ? keyring->primary_id() : ""));
  if (keyring == nullptr) {
    function.bind =
        [](duckdb::ClientContext&, duckdb::ScalarFunction& bound,
           duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>&) -> duckdb::unique_ptr<duckdb::FunctionData> {
      refuse_without_keyring(bound.name);
    };
  }
  return function;
}

}  // namespace

std::optional<MaskCall> mask_call(const duckdb::BoundFunctionExpression& call) {
  const auto* use = dynamic_cast<const MaskUse*>(call.bind_info.get());
  if (use == nullptr) return std::nullopt;
  const mask::MaskKind& kind = use->info.kind;
  MaskCall out{
      .function = std::string(kind.function), .text = mask::call_text(kind, use->arguments), .inputs = inputs_of(kind)};
  bool form_open = false;
  for (std::size_t i = 0; i < kind.parameters.size(); ++i) {
    const std::string name(kind.parameters[i].name);
    if (i >= use->arguments.size()) {
      form_open |= name == "form";
      continue;
    }
    out.arguments.push_back(name == "salt" ? "..." : use->arguments[i]);
  }
  out.form = kind.form;
  if (form_open) out.form = mask::form_of_domain(use->arguments[0]);
  return out;
}

std::string reveal_reason(const duckdb::BoundFunctionExpression& call) {
  const auto* use = dynamic_cast<const RevealUse*>(call.bind_info.get());
  return use == nullptr ? std::string() : use->reason;
}

std::optional<std::int32_t> version_int(std::string_view text) {
  std::int32_t parts[3] = {0, 0, 0};
  std::size_t part = 0;
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '.') {
      if (digits == 0 || ++part == 3) return std::nullopt;
      digits = 0;
      continue;
    }
    if (c < '0' || c > '9' || ++digits > 3) return std::nullopt;
    parts[part] = parts[part] * 10 + (c - '0');
  }
  if (digits == 0) return std::nullopt;
  return parts[0] * 1'000'000 + parts[1] * 1'000 + parts[2];
}

void register_functions(duckdb::Connection& connection, const mask::Keyring* keyring, std::int64_t run_micros,
                        std::int32_t run_day) {
  using duckdb::LogicalType;
  connection.BeginTransaction();
  auto& catalog = duckdb::Catalog::GetSystemCatalog(*connection.context);
  const auto add = [&](const duckdb::ScalarFunctionSet& set) {
    duckdb::CreateScalarFunctionInfo info(set);
    info.internal = true;
    catalog.CreateFunction(*connection.context, info);
  };
  for (const mask::MaskKind& kind : mask::mask_kinds()) add(functions_of(kind, keyring));
  for (const mask::MaskKind& kind : mask::mask_kinds()) {
    if (kind.keyed && kind.repeatable && kind.input == mask::MaskInput::text) add(all_of(kind, keyring));
  }
  const auto single = [&add](const duckdb::ScalarFunction& function) {
    duckdb::ScalarFunctionSet set(function.name);
    set.AddFunction(function);
    add(set);
  };
  duckdb::ScalarFunction reveal("reveal", {LogicalType::ANY, LogicalType::VARCHAR}, LogicalType::ANY, run_reveal,
                                bind_reveal);
  // NULL is passed on like any other value.
  reveal.null_handling = duckdb::FunctionNullHandling::SPECIAL_HANDLING;
  single(reveal);
  single({"version_int", {LogicalType::VARCHAR}, LogicalType::INTEGER, run_version_int});
  const duckdb::timestamp_t now(run_micros);
  single(mask_key(keyring));
  single(constant("run_date", duckdb::Value::DATE(duckdb::date_t(run_day))));
  single(constant("run_time", duckdb::Value::TIMESTAMP(now)));
  connection.Commit();
}

}  // namespace sluice::engine
