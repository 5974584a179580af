"""The parts of the TRL driver that need torch and transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback

from .trl_agreement import Agreement
from .trl_session import Session


class SessionCallback(TrainerCallback):  # type: ignore[misc, unused-ignore]
    """Hands the trainer's hooks on to the session.

    Order within a step (transformers: trainer.py): `on_step_end`, then `on_log`, then, where `should_save` is still
    set, the save itself and `on_save`. `on_step_begin` comes when the step before is over in every respect.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._session.begin(step=state.global_step, total_steps=state.max_steps, total_epochs=state.num_train_epochs)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._session.before_step()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_save = self._session.after_step(state.global_step, state.epoch)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any], **_: Any) -> None:
        if "loss" not in logs:
            return
        self._session.take_loss(
            logs["loss"], learning_rate=logs.get("learning_rate"), gradient_norm=logs.get("grad_norm")
        )
        if control.should_save:
            self._session.require_finite()

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._session.take_save(Path.cwd() / args.output_dir / f"checkpoint-{state.global_step}")


class RankCallback(SessionCallback):
    """The same in one of several processes, which agree before each decision."""

    def __init__(self, session: Session, accelerator: Any, agreement: Agreement) -> None:
        super().__init__(session)
        self._accelerator = accelerator
        self._agreement = agreement

    def on_train_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        self._agree()
        super().on_train_begin(args, state, control, **named)

    def on_step_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        self._agree()
        super().on_step_end(args, state, control, **named)

    def on_save(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        # Each process writes its own random numbers into the folder.
        self._accelerator.wait_for_everyone()
        if self._accelerator.is_main_process:
            super().on_save(args, state, control, **named)
        else:
            self._session.leave_save_to_another()

    def _agree(self) -> None:
        own = torch.tensor(self._agreement.contribution, dtype=torch.float64, device=self._accelerator.device)
        self._agreement.take(self._accelerator.reduce(own, reduction="sum").tolist())


def has_finite_weights(model: Any) -> bool:
    """Whether all trained weights are numbers."""
    trained = (weight for weight in model.parameters() if weight.requires_grad)
    return all(bool(torch.isfinite(weight).all()) for weight in trained)


class TrlModel:
    """The model in training, for a look from outside."""

    def __init__(self, trainer: Any, *, max_tokens: int, as_chat: bool) -> None:
        self._trainer = trainer
        self._max_tokens = max_tokens
        self._as_chat = as_chat

    def is_finite(self) -> bool:
        return has_finite_weights(self._trainer.model)

    def continue_text(self, prompt: str) -> str:
        """Always the likeliest token, so that no random number is drawn that the training would miss."""
        model, tokenizer = self._trainer.model, self._trainer.processing_class
        was_training = model.training
        inputs = self._encode(tokenizer, prompt).to(model.device)
        model.eval()
        try:
            with torch.no_grad(), self._trainer.autocast_smart_context_manager():
                output = model.generate(
                    **inputs,
                    max_new_tokens=self._max_tokens,
                    do_sample=False,
                    use_cache=True,
                    pad_token_id=tokenizer.pad_token_id,
                )
        finally:
            model.train(was_training)
        return str(tokenizer.decode(output[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True))

    def _encode(self, tokenizer: Any, prompt: str) -> Any:
        if not self._as_chat:
            return tokenizer(prompt, return_tensors="pt", return_token_type_ids=False)
        messages = [{"role": "user", "content": prompt}]
        return tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, return_dict=True, return_tensors="pt"
        )
