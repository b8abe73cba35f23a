defmodule Shop.Item do
  @moduledoc "One line of a cart: a product, its price in cents, and how many of it."

  @enforce_keys [:name, :price]
  defstruct [:name, :price, quantity: 1, tags: []]

  @type t :: %__MODULE__{
          name: String.t(),
          price: pos_integer,
          quantity: pos_integer,
          tags: [atom]
        }

  @spec total(t) :: non_neg_integer
  def total(%__MODULE__{price: price, quantity: quantity}), do: price * quantity
end
