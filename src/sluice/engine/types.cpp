#include "sluice/engine/types.hpp"

namespace sluice::engine {

using duckdb::LogicalType;
using duckdb::LogicalTypeId;

duckdb::LogicalType to_duck(Type type) {
  switch (type.kind) {
    case Kind::boolean: return LogicalType::BOOLEAN;
    case Kind::int32: return LogicalType::INTEGER;
    case Kind::int64: return LogicalType::BIGINT;
    case Kind::float64: return LogicalType::DOUBLE;
    // Above 18 digits DuckDB keeps a decimal in 128 bits, as we do.
    case Kind::decimal: return LogicalType::DECIMAL(38, type.scale);
    case Kind::text: return LogicalType::VARCHAR;
    case Kind::bytes: return LogicalType::BLOB;
    case Kind::date: return LogicalType::DATE;
    case Kind::timestamp: return LogicalType::TIMESTAMP;
    case Kind::timestamp_tz: return LogicalType::TIMESTAMP_TZ;
    case Kind::uuid: return LogicalType::UUID;
    case Kind::json: return LogicalType::JSON();
  }
  return LogicalType::VARCHAR;
}

std::optional<Outgoing> from_duck(const duckdb::LogicalType& type) {
  switch (type.id()) {
    case LogicalTypeId::BOOLEAN: return Outgoing{{Kind::boolean}, LogicalType::BOOLEAN};
    case LogicalTypeId::TINYINT:
    case LogicalTypeId::SMALLINT:
    case LogicalTypeId::UTINYINT:
    case LogicalTypeId::USMALLINT:
    case LogicalTypeId::INTEGER: return Outgoing{{Kind::int32}, LogicalType::INTEGER};
    case LogicalTypeId::UINTEGER:
    case LogicalTypeId::BIGINT: return Outgoing{{Kind::int64}, LogicalType::BIGINT};
    case LogicalTypeId::UBIGINT:
    case LogicalTypeId::HUGEINT:
    case LogicalTypeId::UHUGEINT: return Outgoing{{Kind::decimal, 38, 0}, LogicalType::DECIMAL(38, 0)};
    case LogicalTypeId::FLOAT:
    case LogicalTypeId::DOUBLE: return Outgoing{{Kind::float64}, LogicalType::DOUBLE};
    case LogicalTypeId::DECIMAL: {
      const std::uint8_t scale = duckdb::DecimalType::GetScale(type);
      return Outgoing{{Kind::decimal, duckdb::DecimalType::GetWidth(type), scale}, LogicalType::DECIMAL(38, scale)};
    }
    case LogicalTypeId::DATE: return Outgoing{{Kind::date}, LogicalType::DATE};
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_SEC:
    case LogicalTypeId::TIMESTAMP_MS:
    case LogicalTypeId::TIMESTAMP_NS: return Outgoing{{Kind::timestamp}, LogicalType::TIMESTAMP};
    case LogicalTypeId::TIMESTAMP_TZ: return Outgoing{{Kind::timestamp_tz}, LogicalType::TIMESTAMP_TZ};
    case LogicalTypeId::UUID: return Outgoing{{Kind::uuid}, LogicalType::UUID};
    case LogicalTypeId::BLOB: return Outgoing{{Kind::bytes}, LogicalType::BLOB};
    case LogicalTypeId::VARCHAR:
      if (type.IsJSONType()) return Outgoing{{Kind::json}, LogicalType::JSON()};
      return Outgoing{{Kind::text}, LogicalType::VARCHAR};
    case LogicalTypeId::SQLNULL:
    case LogicalTypeId::ENUM:
    case LogicalTypeId::TIME:
    case LogicalTypeId::TIME_TZ:
    case LogicalTypeId::INTERVAL: return Outgoing{{Kind::text}, LogicalType::VARCHAR};
    case LogicalTypeId::LIST:
    case LogicalTypeId::ARRAY:
    case LogicalTypeId::STRUCT:
    case LogicalTypeId::MAP: return Outgoing{{Kind::json}, LogicalType::JSON()};
    default: return std::nullopt;
  }
}

duckdb::hugeint_t uuid_to_duck(const std::uint8_t* bytes) {
  std::uint64_t upper = 0;
  std::uint64_t lower = 0;
  for (int i = 0; i < 8; ++i) upper = (upper << 8U) | bytes[i];
  for (int i = 8; i < 16; ++i) lower = (lower << 8U) | bytes[i];
  return {static_cast<std::int64_t>(upper ^ (std::uint64_t{1} << 63U)), lower};
}

void uuid_from_duck(const duckdb::hugeint_t& number, std::uint8_t* bytes) {
  const std::uint64_t upper = static_cast<std::uint64_t>(number.upper) ^ (std::uint64_t{1} << 63U);
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(upper >> (56 - 8 * i));
  for (unsigned i = 0; i < 8; ++i) bytes[8 + i] = static_cast<std::uint8_t>(number.lower >> (56 - 8 * i));
}

}  // namespace sluice::engine
