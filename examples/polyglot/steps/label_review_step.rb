# Ruby puts a label on the score.
def config
  {
    type: "event",
    name: "LabelReview",
    subscribes: ["review.scored"],
    emits: ["review.labelled"],
    flows: ["reviews"]
  }
end

def handler(input, context)
  score = input["score"]
  label = score.positive? ? "happy" : score.negative? ? "unhappy" : "neutral"
  context.emit({ topic: "review.labelled", data: input.to_h.merge("label" => label) })
end
