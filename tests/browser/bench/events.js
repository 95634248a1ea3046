// Events as a chat has them, of about the size that is asked for.

const WORDS = ("the kettle boils while rain falls on the old temple roof and someone asks whether the train from the coast is late " +
  "again because nobody has seen the lanterns yet").split(" ");

/** Numbers that look random and are the same in every run. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
}

function message(next, words) {
  const id = () => 700_000_000_000_000 + next(1 << 30) * 7919;
  return {
    id: id(), channel_id: id(), guild_id: id(), type: next(3), pinned: next(9) === 0,
    author: { id: id(), username: WORDS[next(WORDS.length)], avatar: next(1 << 30).toString(16).padStart(8, "0") },
    content: Array.from({ length: words }, () => WORDS[next(WORDS.length)]).join(" "),
  };
}

/** `count` events as JSON text, their places in the log ascending from 10. */
export function events(size, count) {
  const next = numbers(size);
  return Array.from({ length: count }, (_, n) => {
    const event = { t: "MESSAGE_CREATE", s: n + 10, d: message(next, 13) };
    let text = JSON.stringify(event);
    if (text.length < size / 2) {
      event.d.thread = [];
      for (let length = text.length; length < size - 150; length += JSON.stringify(event.d.thread.at(-1)).length + 1) {
        event.d.thread.push(message(next, 13));
      }
      text = JSON.stringify(event);
    }
    return text;
  });
}
