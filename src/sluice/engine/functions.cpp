#include "sluice/engine/functions.hpp"

#include <algorithm>

#include "sluice/mask/keyring.hpp"
#include "sluice/mask/mask.hpp"

namespace sluice::engine {
namespace {

[[noreturn]] void refuse(std::string_view function, std::string_view reason) {
  throw duckdb::InvalidInputException(std::string(refusal_mark) + std::string(function) + ": " + std::string(reason));
}

struct MaskInfo final : duckdb::ScalarFunctionInfo {
  MaskInfo(const mask::MaskKind& kind_of, const mask::Keyring* ring) : kind(kind_of), keyring(ring) {}
  const mask::MaskKind& kind;
  const mask::Keyring* keyring;
};

// One use of a mask in a select: which function, domain and form.
struct MaskUse final : duckdb::FunctionData {
  MaskUse(const MaskInfo& of, std::string in_domain, mask::Form as_form, bool is_form_named)
      : info(of), domain(std::move(in_domain)), form(as_form), form_named(is_form_named) {}
  duckdb::unique_ptr<FunctionData> Copy() const override {
    return duckdb::make_uniq<MaskUse>(info, domain, form, form_named);
  }
  bool Equals(const FunctionData& other_data) const override {
    const auto& other = other_data.Cast<MaskUse>();
    return &info.kind == &other.info.kind && domain == other.domain && form == other.form;
  }
  const MaskInfo& info;
  std::string domain;
  mask::Form form;
  bool form_named;
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
};

std::string constant_text(duckdb::ClientContext& context, const duckdb::Expression& argument,
                          const std::string& function, const std::string& what) {
  if (!argument.IsFoldable()) throw duckdb::BinderException(function + ": the " + what + " must be a constant text");
  const duckdb::Value value = duckdb::ExpressionExecutor::EvaluateScalar(context, argument);
  if (value.IsNull()) throw duckdb::BinderException(function + ": the " + what + " must not be null");
  return value.ToString();
}

mask::Form form_of(duckdb::ClientContext& context, const std::string& function, const std::string& domain,
                   duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& arguments) {
  if (arguments.size() == 3) {
    const std::string name = constant_text(context, *arguments[2], function, "form");
    const auto form = mask::parse_form(name);
    if (!form)
      throw duckdb::BinderException(function + ": there is no form '" + name + "'; known are ip, device, email, text");
    return *form;
  }
  return mask::form_of_domain(domain);
}

duckdb::unique_ptr<duckdb::FunctionData> bind_mask(duckdb::ClientContext& context, duckdb::ScalarFunction& function,
                                                   duckdb::vector<duckdb::unique_ptr<duckdb::Expression>>& arguments) {
  const auto& info = function.function_info->Cast<MaskInfo>();
  if (info.keyring == nullptr) {
    throw duckdb::BinderException(
        function.name +
        " needs a keyring: name one by `keys: keys.json` in the project file, and make it with "
        "`sluice keys init keys.json`");
  }
  const std::string domain = constant_text(context, *arguments[1], function.name, "domain");
  if (domain.empty() || domain.size() > 64) {
    throw duckdb::BinderException(function.name + ": a domain has 1 to 64 characters");
  }
  const mask::Form form = form_of(context, function.name, domain, arguments);
  return duckdb::make_uniq<MaskUse>(info, domain, form, arguments.size() == 3);
}

duckdb::unique_ptr<duckdb::FunctionLocalState> open_mask(duckdb::ExpressionState&,
                                                         const duckdb::BoundFunctionExpression&,
                                                         duckdb::FunctionData* data) {
  const auto& use = data->Cast<MaskUse>();
  auto state = duckdb::make_uniq<MaskState>();
  state->mask = use.info.kind.make(*use.info.keyring, use.domain, use.form);
  return state;
}

void run_mask(duckdb::DataChunk& arguments, duckdb::ExpressionState& expression, duckdb::Vector& result) {
  auto& state = duckdb::ExecuteFunctionState::GetFunctionState(expression)->Cast<MaskState>();
  const auto& use = expression.expr.Cast<duckdb::BoundFunctionExpression>().bind_info->Cast<MaskUse>();
  duckdb::UnaryExecutor::Execute<duckdb::string_t, duckdb::string_t>(
      arguments.data[0], result, arguments.size(), [&](const duckdb::string_t& value) {
        const char* refusal = state.mask->mask({value.GetData(), value.GetSize()}, state.token);
        if (refusal != nullptr) refuse(use.info.kind.function, refusal);
        return duckdb::StringVector::AddString(result, state.token.data(), state.token.size());
      });
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

duckdb::ScalarFunction constant(const char* name, duckdb::Value value) {
  const duckdb::LogicalType type = value.type();
  return {name, {}, type, [value](duckdb::DataChunk&, duckdb::ExpressionState&, duckdb::Vector& result) {
            result.Reference(value);
          }};
}

}  // namespace

std::optional<MaskCall> mask_call(const duckdb::BoundFunctionExpression& call) {
  const auto* use = dynamic_cast<const MaskUse*>(call.bind_info.get());
  if (use == nullptr) return std::nullopt;
  return MaskCall{std::string(use->info.kind.function), use->domain, use->form, use->form_named};
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

void register_functions(duckdb::Connection& connection, const mask::Keyring* keyring, std::int64_t run_micros) {
  using duckdb::LogicalType;
  connection.BeginTransaction();
  auto& catalog = duckdb::Catalog::GetSystemCatalog(*connection.context);
  const auto add = [&](const duckdb::ScalarFunctionSet& set) {
    duckdb::CreateScalarFunctionInfo info(set);
    info.internal = true;
    catalog.CreateFunction(*connection.context, info);
  };
  for (const mask::MaskKind& kind : mask::mask_kinds()) {
    duckdb::ScalarFunctionSet set{std::string(kind.function)};
    for (const std::size_t count : {2U, 3U}) {
      duckdb::ScalarFunction function(std::string(kind.function),
                                      duckdb::vector<LogicalType>(count, LogicalType::VARCHAR), LogicalType::VARCHAR,
                                      run_mask, bind_mask);
      function.init_local_state = open_mask;
      function.function_info = duckdb::make_shared_ptr<MaskInfo>(kind, keyring);
      set.AddFunction(function);
    }
    add(set);
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
  single(constant("run_date", duckdb::Value::DATE(duckdb::Timestamp::GetDate(now))));
  single(constant("run_time", duckdb::Value::TIMESTAMP(now)));
  connection.Commit();
}

}  // namespace sluice::engine
