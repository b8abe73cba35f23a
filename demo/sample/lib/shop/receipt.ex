defmodule Shop.Receipt do
  @moduledoc "What the customer gets to see. All amounts are cents."

  defstruct items: [], subtotal: 0, saved: 0, tax: 0, total: 0

  @type t :: %__MODULE__{
          items: [Shop.Item.t()],
          subtotal: non_neg_integer,
          saved: non_neg_integer,
          tax: non_neg_integer,
          total: non_neg_integer
        }

  @spec print(t) :: String.t()
  def print(%__MODULE__{} = receipt) do
    lines =
      for item <- receipt.items,
          do: line("#{item.quantity} x #{item.name}", Shop.Item.total(item))

    sums = [
      line("Subtotal", receipt.subtotal),
      line("You save", receipt.saved),
      line("Tax", receipt.tax),
      line("Total", receipt.total)
    ]

    Enum.join(lines ++ [String.duplicate("-", 28)] ++ sums, "\n")
  end

  defp line(label, cents) do
    String.pad_trailing(label, 18) <> String.pad_leading(euros(cents), 10)
  end

  defp euros(cents) do
    "#{div(cents, 100)}.#{cents |> rem(100) |> Integer.to_string() |> String.pad_leading(2, "0")}"
  end
end
