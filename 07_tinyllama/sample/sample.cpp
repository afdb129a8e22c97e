#include "07_tinyllama/sample/sample.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <ostream>

#include "07_tinyllama/sample/decoder.h"
#include "07_tinyllama/sample/options.h"
#include "07_tinyllama/sample/text_stream.h"
#include "07_tinyllama/trainer/checkpoint/byte_tokenizer.h"
#include "07_tinyllama/trainer/checkpoint/checkpoint.h"
#include "07_tinyllama/trainer/checkpoint/llama_config.h"
#include "07_tinyllama/trainer/checkpoint/safetensors.h"

namespace wb {
namespace {

namespace fs = std::filesystem;

std::vector<int> bytes_of(const std::string& text) {
  std::vector<int> tokens;
  for (const char character : text) tokens.push_back(static_cast<unsigned char>(character));
  return tokens;
}

void require_bytes(const fs::path& checkpoint, const ModelConfig& config) {
  if (config.v < kByteTokens) {
    throw Error(
        fmt::format("'{}' has a vocabulary of {}: text needs the {} byte values; --logits with --ids "
                    "works without text",
                    checkpoint.string(), config.v, kByteTokens));
  }
  if (!has_byte_tokenizer(checkpoint)) {
    throw Error(
        fmt::format("the tokens of '{}' are not bytes (its tokenizer.json is absent or another's): only "
                    "--logits with --ids works",
                    checkpoint.string()));
  }
}

void require_room(std::size_t tokens, const ModelConfig& config, std::size_t wanted) {
  const auto room = static_cast<std::size_t>(config.t);
  if (tokens + wanted <= room) return;
  throw Error(fmt::format("{} tokens are given, but the model's context is {}; give {} at most", tokens, room,
                          room - wanted));
}

void require_in_vocabulary(const std::vector<int>& tokens, const ModelConfig& config) {
  for (const int token : tokens) {
    if (token < 0 || token >= config.v) {
      throw Error(fmt::format("token {} lies outside the vocabulary [0, {})", token, config.v));
    }
  }
}

// (n, V) logits, and the tokens that they follow.
void write_logits(const SampleOptions& options, const ModelConfig& config, Decoder& decoder,
                  const std::vector<int>& tokens) {
  const std::vector<float> logits = decoder.feed_all(tokens);
  const auto n = static_cast<std::int64_t>(tokens.size());
  const auto ids = std::as_bytes(std::span(tokens));
  write_safetensors(options.logits.string(), {{"logits", make_f32({n, config.v}, logits)},
                                              {"ids", {"I32", {n}, {ids.begin(), ids.end()}}}});
}

void show(std::ostream& out, const std::string& text) {
  if (text.empty()) return;
  out << text << std::flush;
  if (!out) throw Error("the text cannot be written: the output is closed or its disk is full");
}

// What came of it.
struct Made {
  int tokens = 0;     // that the model added
  bool full = false;  // the context was, and that was the end
};

// Streams the text.
Made write_text(const SampleOptions& options, Decoder& decoder, std::vector<int> tokens, std::ostream& out) {
  TextStream stream(options.stop);
  Sampler sampler(options.sampler);
  show(out, valid_utf8(options.prompt));
  const auto context = static_cast<std::size_t>(decoder.config().t);
  std::vector<float> logits = decoder.feed(tokens);
  Made made;
  while (true) {
    // Only bytes are text: ids beyond them stand for nothing.
    const int token = sampler.next(std::span(logits).first(kByteTokens));
    tokens.push_back(token);
    ++made.tokens;
    show(out, stream.push(static_cast<unsigned char>(token)));
    if (made.tokens == options.tokens || stream.stopped()) break;
    const bool full = static_cast<std::size_t>(decoder.position()) + 1 == context;
    made.full = full && !options.slide;
    if (made.full) break;
    if (full) decoder.reset();
    logits = decoder.feed(std::span(tokens).last(full ? context / 2 : 1));
  }
  show(out, stream.finish() + "\n");
  return made;
}

// What is asked for, once it is known to be possible.
struct Request {
  ModelConfig config;
  std::vector<int> tokens;  // of the prompt
  std::unique_ptr<Decoder> decoder;
};

Request prepared(const SampleOptions& options) {
  const fs::path checkpoint = find_checkpoint(options.checkpoint);
  Request request{read_llama_config(checkpoint), options.ids, nullptr};
  const ModelConfig& config = request.config;
  const bool text = options.logits.empty();
  if (options.ids.empty()) {
    require_bytes(checkpoint, config);
    request.tokens = bytes_of(options.prompt);
  }
  require_room(request.tokens.size(), config, text ? 1 : 0);
  require_in_vocabulary(request.tokens, config);
  const std::size_t wanted = request.tokens.size() + (text ? static_cast<std::size_t>(options.tokens) : 0);
  const auto capacity = static_cast<int>(std::min(wanted, static_cast<std::size_t>(config.t)));
  request.decoder = std::make_unique<Decoder>(config, select_kernels(options.kernels), capacity);
  load_weights(checkpoint, config, request.decoder->parameters());
  return request;
}

void run(const SampleOptions& options, std::ostream& out, std::ostream& err) {
  Request request;
  try {
    request = prepared(options);
  } catch (const CudaError&) {
    throw;  // a broken device is no bad input
  } catch (const Error& error) {
    throw SampleUsageError(error.what());
  }
  const auto& [config, tokens, decoder] = request;
  if (!options.logits.empty()) return write_logits(options, config, *decoder, tokens);
  const auto start = std::chrono::steady_clock::now();
  const Made made = write_text(options, *decoder, tokens, out);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  err << fmt::format("sample: {} tokens in {:.2f} s, {:.0f} per second; seed {}\n", made.tokens,
                     seconds.count(), made.tokens / seconds.count(), options.sampler.seed);
  if (made.full) {
    err << fmt::format(
        "sample: stopped after {} of {} tokens: the model's context of {} tokens is full; with "
        "--slide it goes on from the latest half\n",
        made.tokens, options.tokens, config.t);
  }
}

}  // namespace

int sample_main(int argc, const char* const* argv, std::ostream& out, std::ostream& err) {
  try {
    std::string answer;
    const auto options = parse_sample_options(argc, argv, answer);
    if (options) {
      run(*options, out, err);
    } else {
      out << answer;
    }
    return 0;
  } catch (const SampleUsageError& error) {
    err << "sample: " << error.what() << '\n';
    return 2;
  } catch (const std::exception& error) {
    err << "sample: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace wb
