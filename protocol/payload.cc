// protocol/payload.cc: TRANSACTION_PAYLOAD.
#include "protocol/payload.h"

#include <zstd.h>

#include <algorithm>

#include "base/check.h"

namespace tiderelay::protocol {
namespace {

constexpr std::size_t kMaxFieldsBytes = 4096;  // the fields take about 20 bytes
constexpr std::size_t kStepBytes = 1U << 20;   // a buffer grows by what was decompressed
constexpr std::size_t kKeptBytes = 8U << 20;   // a larger buffer is given back

struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

Error broken(Errc code, const std::string& what) {
  return Error(code, "TRANSACTION_PAYLOAD event " + what);
}

}  // namespace

struct PayloadReader::State {
  std::uint32_t limit_bytes = kMaxEventBytes;
  std::unique_ptr<ZSTD_DStream, FreeStream> zstd;
  ByteView input;
  std::uint64_t body_left_bytes = 0;  // of the body, not yet fed

  bool fields_known = false;
  std::string fields_bytes;
  PayloadFields fields;
  std::uint64_t data_left_bytes = 0;  // of the compressed data, not yet read
  bool frame_open = false;            // inside a zstd frame
  bool failed = false;

  std::string event;       // the inner event as far as it is there
  bool delivered = false;  // it was given out

  [[nodiscard]] Result<bool> read_fields();
  [[nodiscard]] Result<bool> parse_fields(ByteReader& reader);
  [[nodiscard]] Result<bool> fill(std::size_t wanted_bytes);
  [[nodiscard]] Result<bool> fill_plain(std::size_t wanted_bytes);
  [[nodiscard]] Result<bool> fill_zstd(std::size_t wanted_bytes);
  [[nodiscard]] Result<Step> next();
  [[nodiscard]] ByteView data() const {
    return input.first(
        static_cast<std::size_t>(std::min<std::uint64_t>(data_left_bytes, input.size())));
  }
  void consume(std::size_t bytes) {
    input = input.subspan(bytes);
    data_left_bytes -= bytes;
  }
};

PayloadReader::PayloadReader(std::uint32_t max_event_size_bytes)
    : state_(std::make_unique<State>()) {
  state_->limit_bytes = max_event_size_bytes;
}
PayloadReader::~PayloadReader() = default;
PayloadReader::PayloadReader(PayloadReader&&) noexcept = default;
PayloadReader& PayloadReader::operator=(PayloadReader&&) noexcept = default;

void PayloadReader::start(std::uint64_t body_size_bytes) {
  const std::uint32_t limit_bytes = state_->limit_bytes;
  auto zstd = std::move(state_->zstd);
  std::string event = std::move(state_->event);
  event.clear();
  *state_ = State{};
  state_->limit_bytes = limit_bytes;
  state_->zstd = std::move(zstd);
  state_->event = std::move(event);
  state_->body_left_bytes = body_size_bytes;
  if (state_->zstd) ZSTD_DCtx_reset(state_->zstd.get(), ZSTD_reset_session_only);
}

void PayloadReader::feed(ByteView body_piece) {
  CHECK(state_->input.empty(), "the bytes fed before were not all taken");
  CHECK(body_piece.size() <= state_->body_left_bytes, "more bytes than the body has");
  state_->input = body_piece;
  state_->body_left_bytes -= body_piece.size();
}

const PayloadFields& PayloadReader::fields() const { return state_->fields; }

Result<PayloadReader::Step> PayloadReader::next() {
  if (state_->failed) return broken(Errc::kCorrupt, "that was refused before");
  Result<Step> step = state_->next();
  if (!step) state_->failed = true;
  return step;
}

Result<PayloadReader::Step> PayloadReader::State::next() {
  if (delivered) {
    if (event.capacity() > kKeptBytes) event = std::string();
    event.clear();
    delivered = false;
  }
  if (!fields_known) {
    const Result<bool> known = read_fields();
    if (!known) return known.error();
    if (!*known) return Step{};
  }
  const Result<bool> has_header = fill(kEventHeaderBytes);
  if (!has_header) return has_header.error();
  if (!*has_header) {
    if (data_left_bytes > 0) return Step{};
    if (!event.empty() || frame_open) return broken(Errc::kTruncated, "ends inside an event");
    if (body_left_bytes > 0 || !input.empty()) {
      return broken(Errc::kCorrupt, "goes on behind its compressed data");
    }
    return Step{Kind::kEnd, {}};
  }
  EventView view;
  view.header = load_event_header(as_bytes(event));
  if (view.header.event_size_bytes < kEventHeaderBytes ||
      view.header.type == event_type::kTransactionPayload) {
    return broken(Errc::kCorrupt, "with an inner event that cannot be");
  }
  if (view.header.event_size_bytes > limit_bytes) {
    return broken(Errc::kLimit, "with an inner event of " +
                                    std::to_string(view.header.event_size_bytes) +
                                    " bytes, above the limit of " + std::to_string(limit_bytes));
  }
  const Result<bool> whole = fill(view.header.event_size_bytes);
  if (!whole) return whole.error();
  if (!*whole) {
    if (data_left_bytes > 0) return Step{};
    return broken(Errc::kTruncated, "ends inside an event");
  }
  view.body = as_bytes(event).subspan(kEventHeaderBytes);
  delivered = true;
  return Step{Kind::kEvent, view};
}

// True: the fields are known. False: more bytes are needed.
Result<bool> PayloadReader::State::read_fields() {
  const std::size_t before = fields_bytes.size();
  const std::size_t taken = std::min(input.size(), kMaxFieldsBytes - before);
  fields_bytes.append(as_text(input.first(taken)));
  ByteReader reader(as_bytes(fields_bytes));
  const Result<bool> parsed = parse_fields(reader);
  if (!parsed) return parsed.error();
  if (!*parsed) {
    if (fields_bytes.size() >= kMaxFieldsBytes) return broken(Errc::kCorrupt, "without data");
    if (body_left_bytes == 0) return broken(Errc::kTruncated, "ends inside its fields");
    input = {};
    return false;
  }
  input = input.subspan(reader.offset() - before);
  data_left_bytes = fields.payload_size_bytes;
  if (data_left_bytes > body_left_bytes + input.size()) {
    return broken(Errc::kTruncated, "is shorter than it says");
  }
  if (fields.compression == PayloadCompression::kZstd && !zstd) {
    zstd.reset(ZSTD_createDStream());
    CHECK(zstd != nullptr, "memory for zstd");
  }
  fields_known = true;
  return true;
}

// False: the bytes end before the end mark.
Result<bool> PayloadReader::State::parse_fields(ByteReader& reader) {
  enum : std::uint64_t { kEndMark = 0, kPayloadSize = 1, kCompression = 2, kUncompressedSize = 3 };
  bool has_size = false;
  bool has_compression = false;
  for (;;) {
    const std::uint64_t type = reader.lenenc();
    if (!reader.ok()) return false;
    if (type == kEndMark) break;
    const std::uint64_t size = reader.lenenc();
    ByteReader field(reader.take(size));
    if (!reader.ok()) return false;
    if (type > kUncompressedSize) continue;  // of a newer server
    const std::uint64_t value = field.lenenc();
    if (!field.ok()) return broken(Errc::kCorrupt, "with impossible fields");
    if (type == kPayloadSize) {
      fields.payload_size_bytes = value;
      has_size = true;
    } else if (type == kCompression) {
      if (value != 0 && value != 255) {
        return broken(Errc::kUnsupported, "with compression " + std::to_string(value));
      }
      fields.compression = static_cast<PayloadCompression>(value);
      has_compression = true;
    } else {
      fields.uncompressed_size_bytes = value;
    }
  }
  if (!has_size || !has_compression) return broken(Errc::kCorrupt, "without size or compression");
  return true;
}

// True: the inner event has at least that many bytes now. False: it does not and there are no more.
Result<bool> PayloadReader::State::fill(std::size_t wanted_bytes) {
  if (event.size() >= wanted_bytes) return true;
  return fields.compression == PayloadCompression::kNone ? fill_plain(wanted_bytes)
                                                         : fill_zstd(wanted_bytes);
}

Result<bool> PayloadReader::State::fill_plain(std::size_t wanted_bytes) {
  const ByteView piece = data().first(std::min(wanted_bytes - event.size(), data().size()));
  event.append(as_text(piece));
  consume(piece.size());
  return event.size() >= wanted_bytes;
}

Result<bool> PayloadReader::State::fill_zstd(std::size_t wanted_bytes) {
  while (event.size() < wanted_bytes) {
    if (data().empty() && !frame_open) return false;
    const std::size_t have = event.size();
    event.resize(have + std::min(wanted_bytes - have, kStepBytes));
    ZSTD_outBuffer out{event.data() + have, event.size() - have, 0};
    ZSTD_inBuffer in{data().data(), data().size(), 0};
    const std::size_t hint = ZSTD_decompressStream(zstd.get(), &out, &in);
    event.resize(have + out.pos);
    consume(in.pos);
    if (ZSTD_isError(hint) != 0) {
      return broken(Errc::kCorrupt,
                    std::string("whose zstd data is damaged: ") + ZSTD_getErrorName(hint));
    }
    frame_open = hint != 0;
    if (out.pos == 0 && in.pos == 0) return false;  // all that was fed is decompressed
  }
  return true;
}

}  // namespace tiderelay::protocol
