// Checkpoints of a training run: the model in Hugging Face's Llama layout, the optimizer beside it.
//
// A checkpoint is a folder that transformers loads as it is:
//
//   config.json, model.safetensors                     LlamaForCausalLM, fp32, tied embeddings
//   tokenizer.json, tokenizer_config.json,
//   generation_config.json                             where tokens are bytes
//   optimizer.safetensors, trainer_state.json          what resuming needs
//   manifest.json                                      size and CRC-32 of each of these
//
// checkpoint_store.h says how it gets there in one piece.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "07_tinyllama/trainer/checkpoint/checkpoint_store.h"
#include "07_tinyllama/trainer/trainer.h"

namespace wb {

/// What the caller adds to a checkpoint.
struct CheckpointNotes {
  /// What a resumed run must agree on, by name: {"data", "1115394 bytes of tinyshakespeare.txt"},
  /// {"precision", "bf16"}, {"schedule", "..."}. save_checkpoint adds batch and optimizer.
  std::map<std::string, std::string> facts = {};
  /// What the caller wants back when it resumes, and nobody compares: {"best_loss", "1.49"}.
  std::map<std::string, std::string> memory = {};
  /// Whether a token is a byte: then the tokenizer is written, if the vocabulary holds 256.
  bool tokens_are_bytes = true;
};

/// Waits for the trainer, then writes its checkpoint of steps_done() into the run's folder and returns the
/// checkpoint's own. Between steps only. Errors: as CheckpointStore::commit; what was there stays.
std::filesystem::path save_checkpoint(CheckpointStore& store, Trainer& trainer,
                                      const CheckpointNotes& notes = {});

/// What trainer_state.json says of a checkpoint, without loading it.
struct CheckpointState {
  int step = 0;
  std::map<std::string, std::string> facts;  // those saved, batch and optimizer among them
  std::map<std::string, std::string> memory;
};
/// Errors: throws wb::Error; a checkpoint without optimizer (transformers') is one.
CheckpointState read_checkpoint_state(const std::filesystem::path& checkpoint);

/// Loads parameters, optimizer and step into a trainer of the same configuration: it goes on bit for bit as
/// the one that saved. `path`: a checkpoint, or a run's folder. Everything is checked before anything is
/// changed. Errors: a damaged checkpoint, one of another model, other facts, or another optimizer throws
/// wb::Error, one line that says what differs.
CheckpointState load_checkpoint(const std::filesystem::path& path, Trainer& trainer,
                                const CheckpointNotes& notes = {});

/// Only the parameters, of our checkpoint or one that transformers saved (fp32, bf16, fp16; one file or
/// several). `config` is read_llama_config()'s of the same folder, with any B and T. Errors: as above.
void load_weights(const std::filesystem::path& checkpoint, const ModelConfig& config, Arena& parameters);

}  // namespace wb
